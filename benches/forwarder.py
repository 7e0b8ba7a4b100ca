"""A forwarder as one would write it first: pages of the System Log to Coralogix, one after the other.

What `pull_cost` holds `pull` against, in the same run. It maps, drops what is too old, compresses, and keeps its position once a
page is delivered. It retries nothing and de-duplicates nothing. Python's standard library alone; its settings are `pull`'s.
"""

import gzip
import http.client
import json
import os
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

ENTRIES = 250
SEVERITIES = {"DEBUG": 1, "INFO": 3, "WARN": 4, "ERROR": 5}


def connection(url):
    return http.client.HTTPConnection(urlsplit(url).netloc)


def next_link(headers):
    for link in headers.get_all("Link") or []:
        for part in link.split(","):
            if 'rel="next"' in part:
                url = urlsplit(part[part.index("<") + 1 : part.index(">")])
                return f"{url.path}?{url.query}"
    return None


def entry(event, now):
    published = datetime.fromisoformat(event["published"].replace("Z", "+00:00"))
    if now - published > timedelta(hours=24):
        return None
    return {
        "applicationName": "okta",
        "subsystemName": os.environ["CORALOGIX_SUBSYSTEM"],
        "computerName": "127.0.0.1",
        "timestamp": published.timestamp() * 1000,
        "severity": SEVERITIES.get(event.get("severity"), 3),
        "category": event.get("eventType"),
        "text": json.dumps(event, separators=(",", ":"), ensure_ascii=False),
    }


def main():
    okta, coralogix = connection(os.environ["OKTA_ORG_URL"]), connection(os.environ["CORALOGIX_ENDPOINT"])
    token = {"Authorization": f"SSWS {os.environ['OKTA_API_TOKEN']}", "Accept": "application/json"}
    key = {
        "Authorization": f"Bearer {os.environ['CORALOGIX_API_KEY']}",
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
    }
    since = (datetime.now(timezone.utc) - timedelta(hours=24)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    path = f"/api/v1/logs?since={since}&limit=1000&sortOrder=ASCENDING"
    while path:
        okta.request("GET", path, headers=token)
        answer = okta.getresponse()
        events = json.loads(answer.read())
        assert answer.status == 200, answer.status
        if not events:
            break
        path = next_link(answer.headers)
        now = datetime.now(timezone.utc)
        entries = [made for made in (entry(event, now) for event in events) if made]
        for start in range(0, len(entries), ENTRIES):
            body = json.dumps(entries[start : start + ENTRIES], separators=(",", ":"), ensure_ascii=False)
            coralogix.request("POST", "/logs/v1/singles", gzip.compress(body.encode(), 6), key)
            answer = coralogix.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
        with open("position", "w", encoding="utf-8") as file:
            file.write(path or "")


main()
