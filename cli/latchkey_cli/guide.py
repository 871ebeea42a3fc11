"""`latchkey setup`: the seven questions that matter, and nothing is deployed before mail works."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Annotated, Any

import botocore.exceptions
import tomlkit
import typer
from rich.panel import Panel
from rich.prompt import Confirm, Prompt

from latchkey_cli import context as contexts
from latchkey_cli import providers
from latchkey_cli.context import Typer
from latchkey_cli.output import console
from latchkey_cli.problems import Problem, explained
from latchkey_cli.providers import PROVIDERS, Provider

LANGUAGES = ("auto", "en", "zh-CN", "ja", "es", "de", "fr")
_ADDRESS = re.compile(r"[^@ <>]+@[^@ <>]+\.[^@ <>]+")
_ORIGINS = re.compile(r"\*|https?://[^, /]+(,https?://[^, /]+)*")
_HOST = re.compile("[A-Za-z0-9.-]+")
SECRET = "latchkey/smtp"  # noqa: S105 - its name


def setup(
    context: Typer,
    config: Annotated[Path, typer.Option(help="The file of the SAM CLI that is written.")] = Path(
        "samconfig.toml"
    ),
    deploy: Annotated[bool, typer.Option(help="Offer to build and deploy at the end.")] = True,
) -> None:
    """Ask what a deployment needs, try the mail account, write samconfig.toml, and deploy."""
    deployment = contexts.of(context).deployment
    console.print(Panel("Seven questions. Nothing is deployed before the last one.", expand=False))
    provider = _provider()
    sender = _ask("2. Which address do mails come from?", _ADDRESS, "an e-mail address")
    values = {"SenderAddress": sender}
    if provider.key == "ses":
        console.print("3. SES needs no password.")
    else:
        values |= _smtp(provider, sender, deployment)
    values["AllowedOrigins"] = _ask(
        "4. Which web pages may call the API? Origins with commas, * for any",
        _ORIGINS,
        "* or origins such as https://app.example.com,http://localhost:5173",
        default="*",
    )
    values["ProductName"] = _ask(
        "5. What is your product called in mails?", re.compile(r"[^\r\n]{1,64}"), "a name"
    )
    values["MailLanguage"] = Prompt.ask(
        "6. Which language do mails have? auto follows the user",
        choices=list(LANGUAGES),
        default="auto",
        console=console,
    )
    values["AlarmAddress"] = _ask(
        "7. Who gets alarms by mail? Empty for nobody",
        re.compile(rf"({_ADDRESS.pattern})?"),
        "an e-mail address",
        default="",
    )
    _write(config, deployment.stack, deployment.region, values)
    console.print(f"[green]✓[/green] {config} has the answers.")
    if deploy and Confirm.ask("Build and deploy now?", default=False, console=console):
        _deploy(config)
    else:
        console.print(
            "Next: [bold]sam build && sam deploy[/bold], then [bold]latchkey doctor[/bold]"
        )


def _provider() -> Provider:
    console.print("1. What sends your mails?")
    for number, one in enumerate(PROVIDERS, 1):
        console.print(f"   {number}  {one.name}")
    choices = [str(number) for number in range(1, len(PROVIDERS) + 1)]
    chosen = PROVIDERS[int(Prompt.ask("  ", choices=choices, default="1", console=console)) - 1]
    console.print(Panel(chosen.steps, title=chosen.name, expand=False))
    return chosen


def _smtp(provider: Provider, sender: str, deployment: Any) -> dict[str, str]:
    """Ask for the mail account until a login works, and store its password as a secret."""
    values = {"MailTransport": "smtp", "SmtpProvider": provider.key}
    host, port, security, user = provider.host, provider.port, "SSL", sender
    while True:
        if provider.key == "custom":
            host = _ask(
                "   Host", re.compile("[A-Za-z0-9.-]+"), "a host name", default=host or None
            )
            port = int(_ask("   Port", re.compile("[0-9]{1,5}"), "a port", default=str(port)))
            security = "STARTTLS" if port == 587 else "SSL"
            user = Prompt.ask("   User name", default=user, console=console)
            values |= {"SmtpHost": host, "SmtpPort": str(port), "SmtpSecurity": security}
        password = str(typer.prompt(f"3. {provider.password}", hide_input=True))
        with console.status(f"Logging in to {host} ..."):
            problem = providers.log_in(
                host, port, starttls=security == "STARTTLS", user=user, password=password
            )
        if not problem:
            break
        console.print(f"[red]✗[/red] {problem}", markup=True)
    console.print(f"[green]✓[/green] {host} accepts the login.")
    return values | {"SmtpUser": user, "SmtpSecretArn": _store(password, deployment)}


def _store(password: str, deployment: Any) -> str:
    """Store the password in Secrets Manager, and return the ARN of the secret."""
    secrets = deployment.client("secretsmanager")
    with explained("secretsmanager:CreateSecret", f"secret:{SECRET}-*"):
        try:
            arn = secrets.create_secret(Name=SECRET, SecretString=password)["ARN"]
        except secrets.exceptions.ResourceExistsException:
            arn = secrets.put_secret_value(SecretId=SECRET, SecretString=password)["ARN"]
        except botocore.exceptions.ParamValidationError as error:
            raise Problem(f"The password cannot be stored: {error}") from error
    console.print(f"[green]✓[/green] The password is the secret {SECRET}.")
    return str(arn)


def _ask(question: str, form: re.Pattern[str], what: str, default: str | None = None) -> str:
    """Ask until the answer has the form."""
    while True:
        given = Prompt.ask(question, default=default, console=console, show_default=bool(default))
        answer = (given or "").strip()
        if form.fullmatch(answer):
            return answer
        console.print(f"   That is not {what}.", style="yellow")


def _write(config: Path, stack: str, region: str | None, values: dict[str, str]) -> None:
    """Write the answers into samconfig.toml; what else stands there stays."""
    document = tomlkit.parse(config.read_text("utf-8")) if config.exists() else tomlkit.document()
    document.setdefault("version", 0.1)
    default: Any = document.setdefault("default", tomlkit.table(is_super_table=True))
    deploy = default.setdefault("deploy", tomlkit.table(is_super_table=True))
    parameters = deploy.setdefault("parameters", tomlkit.table())
    parameters["stack_name"] = stack
    parameters["capabilities"] = parameters.get("capabilities", "CAPABILITY_IAM")
    parameters["resolve_s3"] = parameters.get("resolve_s3", True)
    if region:
        parameters["region"] = region
    overrides = tomlkit.array()
    overrides.multiline(multiline=True)
    for name, value in values.items():
        overrides.append(f"{name}={value}")
    parameters["parameter_overrides"] = overrides
    config.write_text(tomlkit.dumps(document), "utf-8")


def _deploy(config: Path) -> None:
    sam = shutil.which("sam")
    if sam is None:
        raise Problem("The SAM CLI is not installed: pipx install aws-sam-cli")
    for step in ("build", "deploy"):
        done = subprocess.run([sam, step, "--config-file", str(config.resolve())], check=False)
        if done.returncode:
            raise Problem(f"sam {step} has failed: what it printed says why.")
    console.print("Next: [bold]latchkey doctor[/bold]")
