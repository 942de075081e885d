"""What findings look like in tests."""

from collections.abc import Iterable

from chalicelib.doctor.findings import Finding


def grave(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    """Severity and words of all that is not well."""
    return [(str(finding.severity), finding.what) for finding in findings if finding.severity != "ok"]


def one(findings: Iterable[Finding]) -> Finding:
    """The only finding that is not well."""
    (found,) = [finding for finding in findings if finding.severity != "ok"]
    return found


def about(findings: Iterable[Finding], topic: str) -> list[Finding]:
    return [finding for finding in findings if finding.topic == topic]
