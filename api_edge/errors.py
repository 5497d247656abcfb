"""Problems (RFC 9457): one table from a problem's code to its HTTP status, title and what to do; docs/errors.md is made from it."""

import msgspec

from api_edge.http.responses import Answer
from contracts.outcome import Problem
from contracts.visibility import Public

DOCS = "/docs/errors"
MEDIA_TYPE = "application/problem+json"


class Meaning(msgspec.Struct, frozen=True):
    """What a code, or every code that ends or begins like it, means over HTTP."""

    pattern: str  # an exact code, "area.*" or "*.reason"
    status: int
    title: str
    remedy: str


MEANINGS = (
    Meaning("request.malformed", 400, "The request could not be read", "Send valid JSON (UTF-8) with `Content-Type: application/json`."),
    Meaning("request.invalid", 422, "Some fields are wrong", "Correct every field listed under `errors`, then send it again."),
    Meaning("request.too_large", 413, "The request is too large", "Send less; files go to storage through POST /v1/uploads."),
    Meaning("request.media_type", 415, "This media type is not understood", "Send JSON with `Content-Type: application/json`."),
    Meaning("request.parameter", 400, "A parameter is wrong", "Correct the parameter that `field` names."),
    Meaning("request.method", 405, "This method does not exist here", "Use a method of the `Allow` header; /openapi.json lists all."),
    Meaning(
        "request.precondition",
        412,
        "It is not what `If-Match` says any more",
        "Read it again, and repeat the request with the new ETag if it still makes sense.",
    ),
    Meaning("request.not_found", 404, "There is no such address", "Look the address up in /docs or /openapi.json."),
    Meaning("auth.missing", 401, "No API key was sent", "Send `Authorization: Bearer fr1_…` or `X-Api-Key: fr1_…`."),
    Meaning("auth.invalid", 401, "The API key does not work", "Check it for typing errors; it may have been revoked: create a new one."),
    Meaning("auth.malformed", 401, "The key is not whole", "Copy the whole key again: its last characters, a checksum, do not fit."),
    Meaning("auth.scope", 403, "The API key may not do this", "Use a key with the scope that `detail` names."),
    Meaning("join.secret_hash", 422, "The hash of the secret is wrong", "Send the SHA-256 of the secret, 64 hex digits."),
    Meaning("join.*", 403, "The node may not join", "Create a new join token; each lets one node join, until it expires."),
    Meaning("idempotency.other_body", 422, "This Idempotency-Key belongs to another request", "Use a new key for a new request."),
    Meaning(
        "idempotency.other_route",
        422,
        "This Idempotency-Key belongs to a request on another route",
        "Use a key of its own for each request; the first one stands.",
    ),
    Meaning(
        "idempotency.earlier_release",
        422,
        "This Idempotency-Key was used before an update",
        "Look whether the first request was carried out; use a new key for a new request.",
    ),
    Meaning("secret.forgotten", 410, "The secret can no longer be shown", "Revoke what it belongs to and create a new one."),
    Meaning("secret.shown", 409, "The secret was shown already", "Send the first request again with its key, or create a new one."),
    Meaning("operation.not_found", 404, "There is no such operation", "Use the address of a `Location` header as it was given."),
    Meaning("timer.moved", 409, "The timer is not what it was", "Nothing is to be done: its present moment counts."),
    Meaning("log.restored", 410, "The log was restored from a backup", "Begin behind the position that `detail` names."),
    Meaning("command.quarantined", 500, "The request could not be handled", "It is kept and waits for a person; tell support its id."),
    Meaning("limit.requests", 429, "Too many requests", "Wait for the seconds that `Retry-After` gives."),
    Meaning("limit.streams", 429, "Too many open event streams", "Close a stream first; one stream can carry all events."),
    Meaning("limit.renders", 429, "Too many renders wait", "Wait until some of them have ended, or cancel some."),
    Meaning("queue.full", 429, "Too many requests wait to be handled", "Send it again after the seconds of `Retry-After`."),
    Meaning("request.timeout", 408, "The request did not come in time", "Send the whole request at once."),
    Meaning(
        "unavailable.*", 503, "The service cannot answer now", "Try again after the seconds that `Retry-After` gives, with the same key."
    ),
    Meaning("internal.*", 500, "The service made a mistake", "Try again; if it stays, report the `request_id`."),
    Meaning("*.not_found", 404, "There is no such thing", "Check the id; things of other tenants are not shown."),
    Meaning("*.version", 409, "It was changed in the meantime", "Read it again, then repeat the change on the new version."),
    Meaning("*.ended", 409, "It has ended already", "Nothing is to be done; start a new one if you need one."),
    Meaning("*.exists", 409, "It exists already", "Use the one that exists, or another name."),
    Meaning("effect.state", 409, "This does not fit what has become of the effect", "`detail` says what does; read the effect again."),
    Meaning("*.upload_state", 409, "This does not fit its present state", "Read the upload again and decide by its `state`."),
    Meaning("*.forbidden", 403, "This is not allowed", "Ask the owner of the account."),
    Meaning("*", 422, "The request was refused", "`detail` says what to change."),
)
_EXACT = {meaning.pattern: meaning for meaning in MEANINGS}


def meaning_of(code: str) -> Meaning:
    """The table's entry for a code: the code itself, then its last part, then its area, then the rest."""
    area, _, _ = code.partition(".")
    reason = code.rpartition(".")[2]
    for pattern in (code, f"*.{reason}", f"{area}.*"):
        if pattern in _EXACT:
            return _EXACT[pattern]
    return _EXACT["*"]


class Refused(Exception):
    """Ends a request with a problem; `headers` go with it."""

    def __init__(
        self, code: str, detail: str, field: str = "", *, errors: tuple[dict[str, str], ...] = (), headers: dict[str, str] | None = None
    ):
        super().__init__(detail)
        self.problem = Problem(code=code, detail=detail, field=field, errors=errors)
        self.headers = headers or {}


class ProblemBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every error answer."""

    type: Public[str]
    title: Public[str]
    status: Public[int]
    detail: Public[str]
    code: Public[str]
    instance: Public[str] = ""
    request_id: Public[str] = ""
    field: Public[str] = ""
    errors: Public[tuple[dict[str, str], ...]] = ()


def body_of(problem: Problem, instance: str = "", request_id: str = "") -> ProblemBody:
    """The problem as clients read it."""
    meaning = meaning_of(problem.code)
    return ProblemBody(
        type=f"{DOCS}#{problem.code}",
        title=meaning.title,
        status=meaning.status,
        detail=problem.detail,
        code=problem.code,
        instance=instance,
        request_id=request_id,
        field=problem.field,
        errors=problem.errors,
    )


def answer(problem: Problem, instance: str, request_id: str, headers: dict[str, str] | None = None) -> Answer:
    """The HTTP answer for a problem."""
    body = body_of(problem, instance, request_id)
    given = {**(headers or {}), "Content-Type": MEDIA_TYPE}
    if body.status == 503:
        given.setdefault("Retry-After", "1")
    if body.status == 401:
        given["WWW-Authenticate"] = 'Bearer realm="flatrender"'
    return Answer(body.status, given, _encoded(body))


def _encoded(body: ProblemBody) -> bytes:
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:  # it tells of a text that is none
        told = (body.detail, body.instance, body.field)
        detail, instance, field = (text.encode("utf-8", "replace").decode() for text in told)
        return msgspec.json.encode(msgspec.structs.replace(body, detail=detail, instance=instance, field=field, errors=()))


def unavailable(what: str) -> Refused:
    """A part of the product is away for the moment."""
    return Refused(f"unavailable.{what}", f"The {what} cannot be reached at the moment.", headers={"Retry-After": "1"})
