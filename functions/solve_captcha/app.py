"""POST /auth/v1/captcha/data and /auth/v1/captcha/data/verify: draw a captcha, take its answer."""

import base64
from dataclasses import dataclass

from captcha.image import ImageCaptcha

from latchkey import clock
from latchkey.bodies import Body, Text, Token
from latchkey.caller import Caller
from latchkey.http import Routes, entry
from latchkey.limits import captcha, sources

_DARK, _WHITE = (31, 41, 55), (255, 255, 255)
_drawing = ImageCaptcha()
# How opaque a pixel of a letter is, by its brightness. The library's own table draws dark letters
# pale.
_drawing.lookup_table = [min(255, 7 * brightness) for brightness in range(256)]


class DrawCaptcha(Body):
    """`state` names the call that needs the captcha, such as `POST:/v1/signin`."""

    state: Text = ""


@dataclass(frozen=True)
class DrawnCaptcha:
    """The picture as a data URI, and the token that its answer must come with. `expires_in` is in
    seconds.
    """

    data: str
    token: str
    expires_in: int
    type: str = "image"


def draw_captcha(body: DrawCaptcha, caller: Caller) -> DrawnCaptcha:
    """Draw four letters and digits, for a call that was refused with captcha_required. Raises
    TooManyRequests.
    """
    now = clock.now()
    sources.count_picture(caller.source, now=now)
    made = captcha.picture(body.state, now=now)
    png = _drawing.generate(made.text, bg_color=_WHITE, fg_color=_DARK).getvalue()
    # The SDK adds a query to the data and cuts it off again, so there is none in it.
    data = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return DrawnCaptcha(data, made.token, captcha.PICTURE_SECONDS)


class AnswerCaptcha(Body):
    """The token of the picture, and what somebody has read in it."""

    token: Token
    key: Text


@dataclass(frozen=True)
class CaptchaToken:
    """A token that lets the refused call through once. `expires_in` is in seconds."""

    captcha_token: str
    expires_in: int


def answer_captcha(body: AnswerCaptcha, caller: Caller) -> CaptchaToken:
    """Exchange the characters of a picture for a token. A wrong answer spends the picture too.
    Raises PictureUnusable and WrongAnswer.
    """
    token = captcha.answer(body.token.get_secret_value(), body.key, caller, now=clock.now())
    return CaptchaToken(token, captcha.TOLD_SECONDS)


handler = Routes(
    {
        "POST /auth/v1/captcha/data": entry("solve_captcha", draw_captcha, DrawCaptcha),
        "POST /auth/v1/captcha/data/verify": entry("solve_captcha", answer_captcha, AnswerCaptcha),
    }
)
