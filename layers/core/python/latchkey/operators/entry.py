"""Between Lambda and what operators ask for: who asks is proven, and each act is in the audit log.

A request is a JSON text and a signed call that is bound to it (identity.py). An answer is
`{"result": ...}`, or `{"error": <word>, "message": <sentence>}`, whose words are those of errors.py
and `unproven`. The log has who, which act, which user and how it ended, never a value of a request.
"""

from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from latchkey import aws, errors, fields, log
from latchkey.dynamodb.writes import Conflict
from latchkey.operators import identity

Request = TypeVar("Request", bound=BaseModel)
Answer = dict[str, Any]
Handler = Callable[[dict[str, Any], Any], Answer]


class Sealed(BaseModel):
    """A request as it comes: its JSON text, and the query of the signed call."""

    model_config = ConfigDict(extra="forbid")

    request: str
    signed: str


class Act(BaseModel):
    """What all requests of operators have in common: a field `act` says which one it is."""

    model_config = ConfigDict(extra="forbid")


def entry(perform: Callable[[Request], object], kind: Any) -> Handler:
    """Return the Lambda handler of a function for operators. `kind` is the model of its requests,
    or a union of models that differ by their `act`.
    """
    requests: TypeAdapter[Request] = TypeAdapter(kind)

    @log.logger.inject_lambda_context(log_event=False)
    def handler(event: dict[str, Any], context: Any) -> Answer:
        try:
            sealed = Sealed.model_validate(event)
            bound_to = identity.digest(context.function_name, sealed.request)
            who = identity.of(sealed.signed, bound_to)
        except ValidationError:
            return _unproven("This function takes requests of the command latchkey only.")
        except identity.Unproven as refused:
            return _unproven(str(refused))
        try:
            asked = requests.validate_json(sealed.request)
        except ValidationError as error:
            log.info("operator", who=who, act="none", outcome="invalid_argument")
            return {"error": "invalid_argument", "message": fields.first_problem(error, "request")}
        act = str(getattr(asked, "act", ""))
        # Before the act too: a function that dies in it would leave no trace.
        log.info("operator begins", who=who, act=act)
        answer, outcome, sub = _perform(perform, asked, act)
        log.info("operator", who=who, act=act, outcome=outcome, sub=sub)
        return answer

    return handler


def _perform(
    perform: Callable[[Request], object], asked: Request, act: str
) -> tuple[Answer, str, str | None]:
    """Return the answer, its word for the log, and whom it is about."""
    try:
        result = perform(asked)
    except errors.AuthError as error:
        refusal = error
    except Conflict as conflict:
        refusal = conflict.refusal
    except aws.FAULTS as error:
        log.fault("AWS did not do a call", error, operation=act)
        refusal = errors.Unavailable()
    else:
        plain = asdict(result) if is_dataclass(result) and not isinstance(result, type) else result
        return {"result": plain}, "done", getattr(result, "sub", None)
    return {"error": refusal.error, "message": str(refusal)}, refusal.error, None


def _unproven(message: str) -> Answer:
    log.warning("operator unproven")
    return {"error": "unproven", "message": message}
