"""Systems Manager's documents. Source: Systems Manager API reference, CreateDocument, UpdateDocument.

What an Automation document must look like: `ssm_content.py`.
"""

import hashlib
import json
import re

from ..clock import Wait
from ..wire.errors import AwsError
from .ssm_content import parse
from .strict import now, page, tags_of

_MOST_VERSIONS = 1000


class Version:
    """One version of a document."""

    def __init__(self, number, text, form, content, name):
        self.number, self.text, self.form, self.content, self.name, self.made = number, text, form, content, name, now()

    @property
    def hash(self):
        """AWS's Hash of it: SHA-256."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class Document:
    """One document."""

    def __init__(self, name, kind, target, display, tags, pace):
        self.name, self.kind, self.target, self.display, self.tags = name, kind, target, display, tags
        self.versions, self.default, self.wait, self.waiting = [], 1, Wait(pace), "Creating"

    def status(self, poll=False):
        """`Creating`, `Updating` or `Active`."""
        return "Active" if (self.wait.poll() if poll else self.wait.over()) else self.waiting

    def version(self, given):
        """A version by number, `$LATEST`, `$DEFAULT` or nothing (the default); None when there is none."""
        if given == "$LATEST":
            return self.versions[-1]
        number = self.default if given in (None, "", "$DEFAULT") else int(given)
        return next((v for v in self.versions if v.number == number), None)

    def shown(self):
        """For the snapshot: what runs, and what is newest."""
        default, latest = self.version(None), self.versions[-1]
        return {
            "type": self.kind, "target": self.target, "tags": self.tags, "default": default.content,
            "latest": None if latest is default else latest.content,
        }


class Documents:
    """Mixed into `Ssm`."""

    def _document(self, call, name):
        found = self.documents.get((call.region, name.rsplit("document/", 1)[-1]))
        if found is None:
            raise AwsError("InvalidDocument", "The specified document does not exist.", 400)
        return found

    def _version(self, found, p):
        if p.get("VersionName"):
            version = next((v for v in found.versions if v.name == p["VersionName"]), None)
        else:
            version = found.version(p.get("DocumentVersion"))
        if version is None:
            raise AwsError("InvalidDocumentVersion", "The document version is not valid or does not exist.", 400)
        return version

    def CreateDocument(self, call, p):
        name, kind = p["Name"], p.get("DocumentType") or "Command"
        if re.match(r"aws|amazon|amzn", name, re.IGNORECASE):
            raise AwsError("ValidationException", f"Document name {name} begins with a reserved prefix.", 400)
        content = parse(p["Content"], p.get("DocumentFormat") or "JSON", kind)
        if (call.region, name) in self.documents:
            raise AwsError("DocumentAlreadyExists", f"Document with same name {name} already exists", 400)
        tags = tags_of(p.get("Tags"), "ValidationException")
        found = Document(name, kind, p.get("TargetType"), p.get("DisplayName"), tags, self.account.pace)
        found.versions.append(Version(1, p["Content"], p.get("DocumentFormat") or "JSON", content, p.get("VersionName")))
        self.documents[(call.region, name)] = found
        return {"DocumentDescription": self._described(found, found.versions[0])}

    def _described(self, found, version, poll=False):
        return {
            "Name": found.name, "DisplayName": found.display, "Owner": self.account.id, "CreatedDate": version.made,
            "Status": found.status(poll), "DocumentVersion": str(version.number), "VersionName": version.name,
            "LatestVersion": str(found.versions[-1].number), "DefaultVersion": str(found.default), "Hash": version.hash,
            "HashType": "Sha256", "DocumentType": found.kind, "DocumentFormat": version.form, "TargetType": found.target,
            "SchemaVersion": version.content.get("schemaVersion"), "Description": version.content.get("description"),
            "PlatformTypes": ["Windows", "Linux", "MacOS"], "Tags": [{"Key": k, "Value": v} for k, v in found.tags.items()],
            "Parameters": [
                {
                    "Name": name, "Type": each.get("type"), "Description": each.get("description"),
                    "DefaultValue": _text(each["default"]) if "default" in each else None,
                }
                for name, each in (version.content.get("parameters") or {}).items()
            ],
        }

    def DescribeDocument(self, call, p):
        found = self._document(call, p["Name"])
        return {"Document": self._described(found, self._version(found, p), poll=True)}

    def DescribeDocumentPermission(self, call, p):
        # Documents cannot be shared here.
        self._document(call, p["Name"])
        return {"AccountIds": [], "AccountSharingInfoList": []}

    def GetDocument(self, call, p):
        found = self._document(call, p["Name"])
        version = self._version(found, p)
        if p.get("DocumentFormat") not in (None, version.form):
            raise AwsError("NotPlayed", "the practice account does not translate documents between formats", 501)
        return {
            "Name": found.name, "DisplayName": found.display, "CreatedDate": version.made, "Status": found.status(poll=True),
            "VersionName": version.name, "DocumentVersion": str(version.number), "Content": version.text,
            "DocumentType": found.kind, "DocumentFormat": version.form,
        }

    def UpdateDocument(self, call, p):
        found = self._document(call, p["Name"])
        latest, form = found.versions[-1], p.get("DocumentFormat") or "JSON"
        if found.version(p.get("DocumentVersion")) is not latest:
            # Only the latest can be updated; without a version the default is meant.
            raise AwsError("InvalidDocumentVersion", "The document version is not valid or does not exist.", 400)
        if found.status() != "Active":
            raise AwsError("InvalidDocumentOperation", f"The document is in the status {found.status(poll=True)}.", 400)
        content = parse(p["Content"], form, found.kind)
        if latest.text == p["Content"]:
            text = "The content of the association document matches another document. Change the content of the document and try again."
            raise AwsError("DuplicateDocumentContent", text, 400)
        if p.get("VersionName") and any(v.name == p["VersionName"] for v in found.versions):
            raise AwsError("DuplicateDocumentVersionName", "The version name has already been used in this document.", 400)
        if len(found.versions) >= _MOST_VERSIONS:
            raise AwsError("DocumentVersionLimitExceeded", "The document has too many versions. Delete one or more document versions and try again.", 400)
        found.versions.append(Version(latest.number + 1, p["Content"], form, content, p.get("VersionName")))
        found.wait, found.waiting = Wait(self.account.pace), "Updating"
        return {"DocumentDescription": self._described(found, found.versions[-1])}

    def UpdateDocumentDefaultVersion(self, call, p):
        found = self._document(call, p["Name"])
        version = self._version(found, p)
        found.default = version.number
        return {"Description": {"Name": found.name, "DefaultVersion": str(version.number), "DefaultVersionName": version.name}}

    def DeleteDocument(self, call, p):
        found = self._document(call, p["Name"])
        if p.get("DocumentVersion") or p.get("VersionName"):
            version = self._version(found, p)
            if version.number == found.default and len(found.versions) > 1:
                raise AwsError("InvalidDocumentOperation", "Default version of the document can't be deleted.", 400)
            found.versions.remove(version)
        if not found.versions or not (p.get("DocumentVersion") or p.get("VersionName")):
            del self.documents[(call.region, found.name)]
        return {}

    def ListDocuments(self, call, p):
        filters = [(f["Key"], f.get("Values") or []) for f in p.get("Filters") or []]
        filters += [(f["key"], [f["value"]]) for f in p.get("DocumentFilterList") or []]
        found = []
        for (region, _), document in sorted(self.documents.items()):
            if region == call.region and all(_fits(document, *each) for each in filters):
                shown = self._described(document, document.version(None))
                names = ("Name", "DisplayName", "CreatedDate", "Owner", "VersionName", "PlatformTypes", "DocumentVersion", "DocumentType", "SchemaVersion", "DocumentFormat", "TargetType", "Tags")
                found.append({name: shown[name] for name in names})
        shown, more = page(found, p, 50)
        return {"DocumentIdentifiers": shown, "NextToken": more}

    def ListDocumentVersions(self, call, p):
        found = self._document(call, p["Name"])
        versions = [
            {
                "Name": found.name, "DocumentVersion": str(v.number), "VersionName": v.name, "CreatedDate": v.made,
                "IsDefaultVersion": v.number == found.default, "DocumentFormat": v.form, "Status": found.status(),
            }
            for v in reversed(found.versions)
        ]
        shown, more = page(versions, p, 50)
        return {"DocumentVersions": shown, "NextToken": more}


def _text(value):
    return value if isinstance(value, str) else json.dumps(value)


def _fits(document, key, values):
    if key.startswith("tag:"):
        return document.tags.get(key[4:]) in values
    if key == "Owner":
        return any(v in ("Self", "Private", "All") for v in values)
    if key in ("Name", "SearchKeyword"):
        return any(document.name.startswith(v) for v in values)
    if key == "DocumentType":
        return document.kind in values
    if key in ("PlatformTypes", "TargetType"):
        return True
    raise AwsError("InvalidFilterKey", f"The filter key {key} is not valid.", 400)
