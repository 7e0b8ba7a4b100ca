"""Sets up moto as AWS would be: `deploy` the template and print its outputs, `put` events from standard input on the bus, or `publish`
bodies from standard input to a topic before two queues, one with raw delivery, and print the queues' URLs."""

import json
import sys

import boto3

SOURCE = "aws.partner/okta.com/acme/audit"


def client(service):
    return boto3.client(
        service,
        endpoint_url=sys.argv[2],
        region_name="eu-west-1",
        aws_access_key_id="moto",
        aws_secret_access_key="moto",
    )


def deploy(template):
    # moto has no partner event sources. It takes the last part of a bus's name for the name, so that this is the bus which the template names.
    client("events").create_event_bus(Name="audit")
    with open(template, encoding="utf-8") as file:
        body = file.read()
    # Nor does it find the bus of an archive by its whole name.
    parameters = {"PartnerEventSource": SOURCE, "CreateBus": "false", "ArchiveDays": "0", "VisibilityTimeout": "60"}
    formation = client("cloudformation")
    formation.create_stack(
        StackName="okta",
        TemplateBody=body,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    (stack,) = formation.describe_stacks(StackName="okta")["Stacks"]
    print(json.dumps({output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}))


def put():
    """Each line: the source and the detail."""
    events = client("events")
    entries = []
    for line in sys.stdin:
        source, detail = json.loads(line)
        entries.append(
            {"Source": source, "DetailType": "SystemLog", "Detail": json.dumps(detail), "EventBusName": "audit"}
        )
    for start in range(0, len(entries), 10):
        answer = events.put_events(Entries=entries[start : start + 10])
        assert answer["FailedEntryCount"] == 0, answer


def publish():
    """Each line: a message."""
    notifications, queues = client("sns"), client("sqs")
    topic = notifications.create_topic(Name="okta")["TopicArn"]
    urls = []
    for name, raw in [("raw", "true"), ("wrapped", "false")]:
        url = queues.create_queue(QueueName=name)["QueueUrl"]
        arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        notifications.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": raw})
        urls.append(url)
    for line in sys.stdin:
        notifications.publish(TopicArn=topic, Message=line.rstrip("\n"))
    print(json.dumps(urls))


if sys.argv[1] == "deploy":
    deploy(sys.argv[3])
elif sys.argv[1] == "publish":
    publish()
else:
    put()
