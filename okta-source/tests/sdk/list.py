"""Lists the System Log of an org to its end with Okta's own SDK for Python, and prints one uuid a line.

    list.py URL ssws TOKEN
    list.py URL dpop CLIENT_ID KEY_FILE KEY_ID

The SDK talks https only, but has a switch for tests against a local server, which is used here. Everything else is as
its users have it: the SDK asks for the token, makes the proofs, and turns each event into its model. It is told where a
page begins by the cursor that it found in the last answer.
"""

import asyncio
import os
import sys

from okta.client import Client


# The switch is taken from the environment only.
os.environ["OKTA_TESTING_TESTINGDISABLEHTTPSCHECK"] = "true"


def config(url, mode, *rest):
    common = {
        "orgUrl": url,
        "rateLimit": {"maxRetries": 3},
    }
    if mode == "ssws":
        return {**common, "authorizationMode": "SSWS", "token": rest[0]}
    client_id, key_file, key_id = rest
    with open(key_file, encoding="ascii") as file:
        key = file.read()
    return {
        **common,
        "authorizationMode": "PrivateKey",
        "clientId": client_id,
        "privateKey": key,
        "kid": key_id,
        "scopes": ["okta.logs.read"],
        "dpopEnabled": True,
    }


def cursor(response):
    """The `after` of the next link. Several Link lines come as several values."""
    from okta.pagination import PaginationHelper

    headers = response.headers
    lines = headers.getall("Link") if hasattr(headers, "getall") else [headers["Link"]]
    return PaginationHelper.extract_next_cursor({"Link": ",".join(lines)})


async def main():
    client = Client(config(*sys.argv[1:]))
    query = {"limit": 100, "sort_order": "ASCENDING"}
    # Polling never ends by itself: an empty page is the end.
    for _ in range(1000):
        events, response, error = await client.list_log_events(**query)
        if error:
            sys.exit(f"the SDK says: {error}")
        if not events:
            return
        for event in events:
            print(event.uuid)
        query["after"] = cursor(response)
    sys.exit("the log does not end")


asyncio.run(main())
