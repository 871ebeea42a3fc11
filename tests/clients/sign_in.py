"""Sign in with the client that openapi-python-client makes of docs/openapi.json."""

import os

from latchkey_client import AuthenticatedClient, Client
from latchkey_client.api.get_user import get_user_me
from latchkey_client.api.sign_in import sign_in_signin
from latchkey_client.models import Credentials, Problem, Profile, SignInWithPassword

api, address = os.environ["API"], os.environ["ADDRESS"]
client = Client(api)

wrong = SignInWithPassword(username=address, password="wrong")
refused = sign_in_signin.sync(client=client, body=wrong)
assert isinstance(refused, Problem)
print(refused.error)

right = SignInWithPassword(username=address, password=os.environ["PASSWORD"])
tokens = sign_in_signin.sync(client=client, body=right, client_id="my-app")
assert isinstance(tokens, Credentials)
profile = get_user_me.sync(client=AuthenticatedClient(api, tokens.access_token))
assert isinstance(profile, Profile)
print(profile.email)
