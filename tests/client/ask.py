#!/usr/bin/env python3
"""Asks a real server over a real socket, as a program in another language would.

No code is generated for it: every service and message is learnt from the server's reflection. It starts
the program that it is given, asks what the README asks, and ends with 1 if any answer is not as expected.

Usage: ask.py PATH_TO_SITUS        (needs grpcio and grpcio-reflection)
"""

import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

# A debug build on a busy machine loads its bundle in some ten seconds.
START_SECONDS = 120
CALL_SECONDS = 30
END_SECONDS = 60

SERVICES = {
    "situs.v1.AuthorizationService",
    "situs.v1.CatalogService",
    "situs.v1.PolicyService",
    "grpc.health.v1.Health",
}

WARRANT = {
    "data_ref": "contoso/mail",
    "requester": {"id": "us-attorney"},
    "jurisdiction": "US-NY",
    "process": {"id": "warrant"},
}
REPLICATION = {
    "data_ref": "northwind/records",
    "requester": {"id": "replicator"},
    "jurisdiction": "FR",
}


class Checks:
    """Counts what holds, and prints what does not."""

    def __init__(self):
        self.held = 0
        self.failed = 0

    def that(self, what, holds, found=""):
        if holds:
            self.held += 1
        else:
            self.failed += 1
            print(f"FAIL {what}: {found}")

    def equal(self, what, found, wanted):
        self.that(what, found == wanted, f"found {found!r}, wanted {wanted!r}")

    def has(self, what, found, wanted):
        missing = set(wanted) - set(found)
        self.that(what, not missing, f"lacks {sorted(missing)}, found {sorted(found)}")

    def refused(self, what, call, code):
        """The error of a call that must fail with this code; None where it does not."""
        try:
            answer = call()
        except grpc.RpcError as error:
            self.equal(what, error.code(), code)
            return error
        self.that(what, False, f"answered {answer}")
        return None


class Server:
    """The program, on a free port, with the example catalogue in a folder that is thrown away."""

    def __init__(self, program):
        self.folder = tempfile.TemporaryDirectory(prefix="situs-client-")
        self.log_path = Path(self.folder.name) / "log"
        self.log = self.log_path.open("w")
        self.lines = []
        self.serving = threading.Event()
        data = str(Path(self.folder.name) / "data")
        arguments = [program, "serve", "--listen", "127.0.0.1:0", "--data-dir", data, "--example"]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("serving "):
                self.serving.set()
        self.serving.set()

    def address(self):
        """Waits until it serves; the first line says where."""
        if not self.serving.wait(START_SECONDS) or self.process.poll() is not None:
            raise SystemExit(f"the server does not serve: {self.lines}\n{self.log_path.read_text()}")
        first = self.lines[0]
        if not first.startswith("listening on "):
            raise SystemExit(f"the first line is {first!r}")
        return first.removeprefix("listening on ")

    def end(self):
        """Asks it to end; gives its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None
        finally:
            self.reader.join()
            self.log.close()
            self.folder.cleanup()


class Client:
    """Calls by name, with messages as plain dictionaries in the canonical JSON of protobuf."""

    def __init__(self, channel):
        self.channel = channel
        database = ProtoReflectionDescriptorDatabase(channel)
        self.services = set(database.get_services())
        self.pool = DescriptorPool(database)

    def message(self, name):
        return GetMessageClass(self.pool.FindMessageTypeByName(name))

    def _method(self, path):
        service, name = path.split("/")
        method = self.pool.FindServiceByName(service).FindMethodByName(name)
        request, response = GetMessageClass(method.input_type), GetMessageClass(method.output_type)

        def write(words):
            return json_format.ParseDict(words, request(), descriptor_pool=self.pool).SerializeToString()

        def read(data):
            return self.words(response.FromString(data))

        return f"/{path}", write, read

    def words(self, message):
        return json_format.MessageToDict(message, preserving_proto_field_name=True, descriptor_pool=self.pool)

    def call(self, path, words):
        return self.channel.unary_unary(*self._method(path))(words, timeout=CALL_SECONDS)

    def converse(self, path, questions):
        return list(self.channel.stream_stream(*self._method(path))(iter(questions), timeout=CALL_SECONDS))

    def follow(self, path, words):
        return self.channel.unary_stream(*self._method(path))(words, timeout=CALL_SECONDS)

    def details(self, error):
        """The messages beside a status, by their short names."""
        trailers = dict(error.trailing_metadata())
        status = self.message("google.rpc.Status").FromString(trailers["grpc-status-details-bin"])
        found = {}
        for detail in status.details:
            name = detail.type_url.rpartition("/")[2]
            found[name.rpartition(".")[2]] = self.words(self.message(name).FromString(detail.value))
        return found


def authorize(client, question):
    return client.call("situs.v1.AuthorizationService/Authorize", question)


def codes(answer):
    return {reason["code"] for reason in answer.get("reasons", [])}


def the_first_questions(check, client):
    """A warrant for mail in Dublin at three dates, and a replication inside the European Economic Area."""
    expected = {
        "2016-07-14": ("DISPOSITION_PROHIBITED_BY_LAW", "require_mla", {"process_does_not_reach_location"}),
        "2018-06-01": ("DISPOSITION_CONFLICT_OF_LAWS", "refer_counsel", {"conflict_of_laws", "mlat_available"}),
        "2026-11-01": ("DISPOSITION_CONFLICT_OF_LAWS", "refer_counsel", {"conflict_of_laws", "mlat_available"}),
    }
    for day, (disposition, next_step, reasons) in expected.items():
        answer = authorize(client, {**WARRANT, "as_of": f"{day}T12:00:00Z"})
        check.equal(f"{day}: decision", answer["decision"], "DECISION_DENY")
        check.equal(f"{day}: disposition", answer["disposition"], disposition)
        check.equal(f"{day}: next step", answer["next_step"], next_step)
        check.has(f"{day}: reasons", codes(answer), reasons | {"customer_residency_commitment"})
        check.equal(f"{day}: as of", answer["as_of"], f"{day}T12:00:00Z")
        check.equal(f"{day}: an enquiry", answer.get("hypothetical"), True)
        check.equal(f"{day}: licenses nothing", answer["valid_until"], answer["decided_at"])
        check.that(f"{day}: there is a way on", answer.get("routes"))
        check.equal(f"{day}: recorded", len(answer["receipt"]["leaf_hash"]) > 0, True)

    content = {**WARRANT, "as_of": "2016-07-14T12:00:00Z", "data_categories": ["DATA_CATEGORY_CONTENT"]}
    answer = authorize(client, content)
    check.equal("content alone: decision", answer["decision"], "DECISION_DENY")
    check.equal("content alone: next step", answer["next_step"], "require_mla")
    carried = {route.get("relation") for route in answer["routes"] if route["kind"] == "mutual_legal_assistance"}
    check.that("content alone: a treaty carries it", any(carried), answer["routes"])

    answer = authorize(client, REPLICATION)
    check.equal("replication: decision", answer["decision"], "DECISION_ALLOW")
    check.equal("replication: disposition", answer["disposition"], "DISPOSITION_PERMITTED")
    check.equal("replication: next step", answer["next_step"], "proceed")
    check.has("replication: reasons", codes(answer), {"free_flow_arrangement", "within_residency_commitment"})
    check.that("replication: no way on is needed", "routes" not in answer, answer.get("routes"))
    check.that("replication: not an enquiry", "hypothetical" not in answer)
    check.that("replication: may be used for a while", answer["valid_until"] > answer["decided_at"])
    return answer


def batch_and_stream(check, client):
    good = {**REPLICATION, "request_id": "allowed"}
    denied = {**WARRANT, "request_id": "denied"}
    bad = {"data_ref": "no-dataset", "request_id": "bad"}
    results = client.call("situs.v1.AuthorizationService/AuthorizeBatch", {"requests": [good, bad, denied]})
    first, second, third = results["results"]
    check.equal("batch: first", first["response"]["decision"], "DECISION_ALLOW")
    check.equal("batch: second is refused", second["status"]["code"], grpc.StatusCode.INVALID_ARGUMENT.value[0])
    check.has("batch: its fields", {field["field"] for field in second["bad_fields"]}, {"data_ref", "requester"})
    check.equal("batch: third", third["response"]["decision"], "DECISION_DENY")
    check.equal("batch: third echoes", third["response"]["request_id"], "denied")

    questions = [{"request": question} for question in (good, bad, denied)]
    answers = client.converse("situs.v1.AuthorizationService/AuthorizeStream", questions)
    by_id = {answer["request_id"]: answer for answer in answers}
    check.equal("stream: each is answered", sorted(by_id), ["allowed", "bad", "denied"])
    check.equal("stream: allowed", by_id["allowed"]["response"]["decision"], "DECISION_ALLOW")
    check.equal("stream: denied", by_id["denied"]["response"]["decision"], "DECISION_DENY")
    check.equal("stream: its place", by_id["denied"]["sequence"], "2")
    check.that("stream: refused", by_id["bad"].get("bad_fields"), by_id["bad"])


def bad_fields(check, client):
    question = {
        **REPLICATION,
        "jurisdiction": "aws:eu-wset-1",
        "transfer": {"mode": "replicatoin"},
        "process": {"instrument": "search_warrent"},
    }
    error = check.refused("bad fields", lambda: authorize(client, question), grpc.StatusCode.INVALID_ARGUMENT)
    if error is None:
        return
    violations = client.details(error)["BadRequest"]["field_violations"]
    told = {violation["field"]: violation["description"] for violation in violations}
    wanted = {
        "jurisdiction": "aws:eu-west-1",
        "transfer.mode": "replication",
        "process.instrument": "search_warrant",
    }
    for field, near in wanted.items():
        check.that(f"bad fields: {field} names a near one", f"`{near}`" in told.get(field, ""), told)


def catalogue(check, client):
    def put(entry, **expectation):
        return client.call("situs.v1.CatalogService/Put", {"entry": entry, **expectation})

    def get(kind, key):
        return client.call("situs.v1.CatalogService/Get", {"kind": kind, "key": key})

    tenant = {"tenant": {"id": "adatum", "type": "TENANT_TYPE_ENTERPRISE", "established_in": ["SE"]}}
    first = put(tenant, expected_revision=0)["revision"]
    events = client.follow("situs.v1.CatalogService/Watch", {"from_revision": first})
    holding = {
        "holding": {
            "data_ref": "adatum/mail",
            "stored_in": ["aws:eu-north-1"],
            "residency": ["SE"],
            "data_kinds": ["personal"],
            "subject_count": "12",
            "provider_role": "PROVIDER_ROLE_PROCESSOR",
            "provider_established_in": ["SE"],
        }
    }
    second = put(holding, expected_revision=0)["revision"]
    check.that("catalogue: revisions rise", int(second) > int(first), (first, second))
    event = next(events)
    events.cancel()
    check.equal("watch: the next change", event.get("revision"), second)
    check.equal("watch: what it is", event["put"]["holding"]["data_ref"], "adatum/mail")

    found = get("ENTRY_KIND_HOLDING", "adatum/mail")
    check.equal("catalogue: as registered", found["entry"], holding)
    check.equal("catalogue: its revision", found["revision"], second)

    error = check.refused("there already", lambda: put(holding, expected_revision=0), grpc.StatusCode.ALREADY_EXISTS)
    if error is not None:
        check.equal("there already: at", client.details(error)["ErrorInfo"]["metadata"]["actual_revision"], second)
    error = check.refused("conflict", lambda: put(tenant, expected_revision=second), grpc.StatusCode.ABORTED)
    if error is not None:
        check.equal("conflict: why", client.details(error)["ErrorInfo"]["reason"], "CONFLICT")
    check.refused(
        "a tenant with holdings stays",
        lambda: client.call("situs.v1.CatalogService/Delete", {"kind": "ENTRY_KIND_TENANT", "key": "adatum"}),
        grpc.StatusCode.FAILED_PRECONDITION,
    )

    question = {**REPLICATION, "data_ref": "adatum/mail/2026/inbox", "at_least_revision": second}
    answer = authorize(client, question)
    check.equal("a commitment binds", answer["disposition"], "DISPOSITION_RESIDENCY_COMMITMENT")
    check.that("decided at that revision", int(answer["catalog_revision"]) >= int(second))
    ahead = {**question, "at_least_revision": str(int(second) + 1000)}
    check.refused("behind", lambda: authorize(client, ahead), grpc.StatusCode.UNAVAILABLE)

    for kind, key in [("ENTRY_KIND_HOLDING", "adatum/mail"), ("ENTRY_KIND_TENANT", "adatum")]:
        client.call("situs.v1.CatalogService/Delete", {"kind": kind, "key": key})
        check.refused(f"{key} is gone", lambda: get(kind, key), grpc.StatusCode.NOT_FOUND)
    gone = authorize(client, {**REPLICATION, "data_ref": "adatum/mail"})
    check.equal("unknown data", gone["disposition"], "DISPOSITION_UNKNOWN_DATA")
    listed = client.call("situs.v1.CatalogService/List", {"kind": "ENTRY_KIND_TENANT"})
    tenants = [entry["entry"]["tenant"]["id"] for entry in listed["entries"]]
    check.equal("catalogue: the example", tenants, ["contoso", "fabrikam", "northwind"])


def health_and_policies(check, client, answer):
    for service in ["", "situs.v1.AuthorizationService", "situs.v1.Bundle"]:
        health = client.call("grpc.health.v1.Health/Check", {"service": service})
        check.equal(f"health of `{service}`", health.get("status"), "SERVING")
    status = client.call("situs.v1.PolicyService/GetStatus", {})
    active = status["active"]
    check.that("status: no failure", "last_failure" not in status, status)
    for version in ["policy_version", "facts_version"]:
        check.equal(f"status: {version}", active[version], answer[version])
    rule = client.call("situs.v1.PolicyService/GetPolicy", {"policy_id": "core.residency.transfer"})
    check.equal("policy: its file", rule["policy"]["file"], "core/residency.cedar")
    check.that("policy: its text", "forbid" in rule["source"], rule["source"])
    page = client.call("situs.v1.PolicyService/ListPolicies", {"prefix": "core.residency.", "page_size": 2})
    check.equal("policies: a page", len(page["policies"]), 2)
    check.that("policies: and another", page.get("next_page_token"), page)
    other = {**REPLICATION, "expect_policy_version": "0" * 64}
    check.refused("another version", lambda: authorize(client, other), grpc.StatusCode.UNAVAILABLE)


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    check = Checks()
    server = Server(sys.argv[1])
    try:
        with grpc.insecure_channel(server.address()) as channel:
            client = Client(channel)
            check.has("services", client.services, SERVICES)
            answer = the_first_questions(check, client)
            batch_and_stream(check, client)
            bad_fields(check, client)
            catalogue(check, client)
            health_and_policies(check, client, answer)
    finally:
        ended = server.end()
    check.equal("the server ends in order", ended, 0)
    print(f"{check.held} of {check.held + check.failed} checks hold")
    raise SystemExit(1 if check.failed else 0)


if __name__ == "__main__":
    main()
