"""From SAM to plain CloudFormation, here: what is looked at, shown and deployed is one and the same template.

AWS's own macro would do it on the way, unseen; a local AWS has none.
"""

import json
import logging
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from chalicelib.cloud.packaging import REGION
from chalicelib.errors import PackagingError

_NO_MANAGED_POLICIES = SimpleNamespace(load=dict)
"""Every role is written out, so that nobody has to ask IAM for policies by their names."""


def plain(sam: Path, bucket: str, key: str) -> dict[str, Any]:
    """The template of a package as CloudFormation takes it, with its code there. Raises PackagingError."""
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.translator.transform import transform

    template = json.loads(sam.read_text("utf-8"))
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    try:
        made: dict[str, Any] = transform(template, {}, _NO_MANAGED_POLICIES)
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
