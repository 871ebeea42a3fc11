"""The rights of a function: what its calls of AWS need, and what its policy allows."""

import fnmatch
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from local.template import template

RESOURCES = template()["Resources"]
FUNCTIONS = [n for n, r in RESOURCES.items() if r["Type"] == "AWS::Serverless::Function"]
# What users wait for: the functions behind the API, and the one that mails. SnapStart is for these.
AWAITED = [
    name
    for name in FUNCTIONS
    if name == "SendMail"
    or any(e["Type"] == "HttpApi" for e in RESOURCES[name]["Properties"].get("Events", {}).values())
]
# Who may unwrap a private key: what issues tokens, and what opens passwords that come encrypted.
ISSUERS = {"SignUp", "SignIn", "SignInWithCode", "GrantToken"}
OPENERS = {"SignIn", "EditProfile", "UpdatePassword"}

# Whose items a statement on a table must name.
TABLES = [n for n, r in RESOURCES.items() if r["Type"] == "AWS::DynamoDB::Table"]
# The addresses of the senders in unit tests, by parameter.
SENDERS = {"SenderAddress": "login@example.com", "FallbackSenderAddress": "backup@example.com"}

# The conditions that policies may have: which values of a call they are about.
_CONDITIONS = {
    ("ForAllValues:StringLike", "dynamodb:LeadingKeys"),
    ("StringEquals", "kms:EncryptionContext:purpose"),
    ("StringEquals", "ses:FromAddress"),
}
# ForAllValues is also true for a call that has no such key, a scan for example. This is not.
_HAS_KEYS = {"dynamodb:LeadingKeys": "false"}
# A transaction has no action of its own: each of its writes needs that of its kind.
_WRITES = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
# What is about a table and not about its items.
OF_TABLES = {
    "DescribeTable",
    "DescribeContinuousBackups",
    "UpdateTable",
    "UpdateContinuousBackups",
}


# What Lambda reads a stream with, for the function.
OF_STREAMS = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}


class Need(NamedTuple):
    """What a call needs: an action on a resource of the template, for all of these values.

    Values are the partition keys of the items, the purpose of a key that KMS unwraps, or the
    address that a mail comes from.
    """

    action: str
    resource: str
    values: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Right:
    """What a statement allows: an action on a resource, for values like one of the patterns."""

    action: str
    resource: str
    patterns: frozenset[str]

    def allows(self, need: Need) -> bool:
        """Say whether this right is enough: as in IAM, one statement must cover all values."""
        return self._is_for(need) and all(any(map(_like(v), self.patterns)) for v in need.values)

    def idle(self, needs: set[Need]) -> set[str]:
        """Return the patterns that none of these needs is a reason for."""
        values = {v for need in needs if self._is_for(need) for v in need.values or {""}}
        return {p for p in self.patterns if not any(fnmatch.fnmatchcase(v, p) for v in values)}

    def _is_for(self, need: Need) -> bool:
        return (self.action, self.resource) == (need.action, need.resource)


def function_of(operation: str) -> str:
    """Return the name of an operation's function in the template."""
    return operation.title().replace("_", "")


@functools.cache
def allowed(function: str, *, without: Sequence[str] = ()) -> list[Right]:
    """Return all that a function may be allowed, whatever the template's conditions say; `without`
    are those that do not hold.
    """
    statements = _statements(RESOURCES[function]["Properties"].get("Policies", []), without)
    return [right for statement in statements for right in of(statement, _resource)]


def of(statement: dict[str, Any], name_of: Callable[[Any], str]) -> Iterator[Right]:
    """Return what a statement allows; `name_of` names a resource as the template does."""
    assert statement.keys() <= {"Effect", "Action", "Resource", "Condition"}
    assert statement["Effect"] == "Allow"
    patterns = frozenset("*")
    conditions = dict(statement.get("Condition", {}))
    keys_are_named = conditions.pop("Null", {}) == _HAS_KEYS
    assert keys_are_named == ("ForAllValues:StringLike" in conditions), (
        f'{statement} needs "Null": {_HAS_KEYS} beside ForAllValues, and only there'
    )
    for operator, condition in conditions.items():
        [(key, values)] = condition.items()
        assert (operator, key) in _CONDITIONS
        patterns = frozenset(map(_pattern, as_list(values)))
    for action in as_list(statement["Action"]):
        for resource in {name_of(entry) for entry in as_list(statement["Resource"])}:
            yield Right(action, resource, patterns)


def needs(service: str, operation: str, arguments: dict[str, Any]) -> list[Need]:
    """Return what a call of AWS needs."""
    match service, operation:
        case "dynamodb", "TransactWriteItems":
            keys = [
                (_WRITES[kind], write["TableName"], write["Item" if kind == "Put" else "Key"])
                for entry in arguments["TransactItems"]
                for kind, write in entry.items()
            ]
        case "dynamodb", "BatchGetItem":
            asked = arguments["RequestItems"].items()
            keys = [(operation, table, key) for table, wanted in asked for key in wanted["Keys"]]
        case "dynamodb", "BatchWriteItem":
            asked = arguments["RequestItems"].items()
            keys = [
                (operation, table, write.get("Item") or write["Key"])
                for table, entries in asked
                for entry in entries
                for write in entry.values()
            ]
        case "dynamodb", "Query" if "IndexName" in arguments:
            # The rights to an index are not bound to keys: operators may list all users.
            index = f"{arguments['TableName']}/index/{arguments['IndexName']}"
            return [Need("dynamodb:Query", index)]
        case "dynamodb", "Query":
            key = {"pk": arguments["ExpressionAttributeValues"][":pk"]}
            keys = [(operation, arguments["TableName"], key)]
        case "dynamodb", _ if operation in OF_TABLES:
            return [Need(f"dynamodb:{operation}", arguments["TableName"])]
        case "dynamodb", _:
            # A scan has no key: it reads all items.
            key = arguments.get("Key") or arguments.get("Item") or {"pk": {"S": ""}}
            keys = [(operation, arguments["TableName"], key)]
        case "kms", _:
            purpose = arguments["EncryptionContext"]["purpose"]
            return [Need(f"kms:{operation}", "WrappingKey", frozenset({purpose}))]
        case "sqs", _:
            return [Need(f"sqs:{operation}", arguments["QueueUrl"].rpartition("/")[2])]
        case "secretsmanager", _:
            # The name of a secret at the end of its ARN is followed by six characters.
            name = arguments["SecretId"].rpartition(":")[2].rpartition("-")[0]
            return [Need(f"secretsmanager:{operation}", name)]
        case "lambda", "Invoke":
            return [Need("lambda:InvokeFunction", arguments["FunctionName"].rpartition(":")[2])]
        case "events", "PutEvents":
            buses = {entry["EventBusName"] for entry in arguments["Entries"]}
            return [Need("events:PutEvents", bus) for bus in buses]
        case "sesv2", "SendEmail":
            # AWS asks for the second where the content is raw, though its reference has the first.
            actions = ("ses:SendEmail", "ses:SendRawEmail")
            sender = frozenset({arguments["FromEmailAddress"]})
            return [Need(action, "SES", sender) for action in actions]
        case _:
            return [Need(f"{service}:{operation}", "?")]
    touched: dict[tuple[str, str], set[str]] = {}
    for action, table, key in keys:
        touched.setdefault((f"dynamodb:{action}", table), set()).add(key["pk"]["S"])
    return [Need(*what, frozenset(values)) for what, values in touched.items()]


def statement_for(function: str, need: Need) -> str:
    """Return the statement on a table that template.yaml lacks for a need, or else the need."""
    if need.resource not in TABLES:
        values = ", ".join(sorted(need.values))
        return f"{function}: {need.action} on {need.resource}" + (
            f" for {values}" if values else ""
        )
    patterns = {_pattern_for(value) for value in need.values}
    for right in allowed(function):
        if (right.action, right.resource) == (need.action, need.resource):
            patterns |= right.patterns
    keys = ", ".join(f'"{pattern}"' for pattern in sorted(patterns))
    return (
        f"{function}: - {{Effect: Allow, Action: {need.action}, "
        f"Resource: !GetAtt {need.resource}.Arn, Condition: "
        '{"Null": *keys-named, "ForAllValues:StringLike": '
        f'{{"dynamodb:LeadingKeys": [{keys}]}}}}}}'
    )


def as_list(value: Any) -> list[Any]:
    """Return the entries of what may be one or several."""
    return value if isinstance(value, list) else [value]


def _statements(value: Any, without: Sequence[str]) -> Iterator[dict[str, Any]]:
    match value:
        case list():
            for entry in value:
                yield from _statements(entry, without)
        case {"Fn::If": [condition, yes, no]}:
            yield from _statements([no] if condition in without else [yes, no], without)
        case {"Statement": inner}:
            yield from _statements(inner, without)
        case {"Effect": _}:
            yield value
        case _:
            assert value == {"Ref": "AWS::NoValue"}


def _resource(reference: Any) -> str:
    match reference:
        case {"Fn::GetAtt": [name, _]}:
            return str(name)
        case {"Fn::If": ["MakesAccounts" | "MakesWrappingKey", own, _]}:
            return _resource(own)
        case {"Fn::Join": ["", [table, str(index)]]} if index.startswith("/index/"):
            return _resource(table) + index
        case {"Fn::If": ["MakesAccounts", own, {"Fn::Sub": "${AccountsStreamArn}"}]}:
            return _resource(own)
        case {"Fn::Sub": str(arn)} if ":events:" in arn:
            return "EventBusName"
        case {"Fn::Sub": _}:
            assert ":ses:" in str(reference)
            return "SES"
        case {"Ref": str(name)} if name.endswith(("SecretArn", "FunctionArn")):
            return name
        case _:
            raise AssertionError(reference)


def _pattern(value: Any) -> str:
    """Return a value of a condition; one that is a parameter is the sender in unit tests."""
    match value:
        case str():
            return value
        case {"Ref": parameter}:
            return SENDERS[parameter]
        case {"Fn::If": ["HasFallbackSender", inner, {"Ref": "AWS::NoValue"}]}:
            return _pattern(inner)
        case _:
            raise AssertionError(value)


def _pattern_for(value: str) -> str:
    """Return the pattern of a value: of a key up to its first `#`, everything of the same kind."""
    kind, mark, _ = value.partition("#")
    return f"{kind}#*" if mark else value


def _like(value: str) -> Callable[[str], bool]:
    return lambda pattern: fnmatch.fnmatchcase(value, pattern)
