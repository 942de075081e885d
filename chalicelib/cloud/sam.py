"""From SAM to plain CloudFormation, here: what is looked at, shown and deployed is one and the same template.

AWS's own macro would do it on the way, unseen; a local AWS has none.
"""

import json
from pathlib import Path
from typing import Any

from chalicelib.cloud.packaging import REGION
from chalicelib.errors import PackagingError
from chalicelib.logs import logger


def plain(sam: Path, bucket: str, key: str) -> dict[str, Any]:
    """The template of a package as CloudFormation takes it, with its code there. Raises PackagingError.

    Every role is written out: IAM is not asked for managed policies by their names.
    """
    from boto3.session import Session
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    template = json.loads(sam.read_text("utf-8"))
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    logger("samtranslator").setLevel("ERROR")
    try:
        translator = Translator({}, Parser(), boto_session=Session(region_name=REGION))
        made: dict[str, Any] = translator.translate(template, {})
    except InvalidDocumentException as error:
        causes = "; ".join(str(cause.message) for cause in error.causes)
        raise PackagingError(f"The template can't be made: {causes}", "Mend .chalice/resources.yaml.") from None
    return made


def lint(template: dict[str, Any], region: str) -> list[str]:
    """What cfn-lint finds wrong, a sentence each, for a region."""
    from cfnlint.api import lint as look
    from cfnlint.api import lint_all

    found = look(json.dumps(template), regions=[region]) if region else lint_all(json.dumps(template))
    return [f"{match.rule.id} {'/'.join(str(part) for part in match.path or ())}: {match.message}" for match in found]


__all__ = ["lint", "plain"]
