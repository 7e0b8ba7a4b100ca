mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  partner_event_source = "aws.partner/okta.com/acme/audit"
  route                = "sqs"
}

run "bus_archive_and_rule" {
  command = plan
  assert {
    condition     = aws_cloudwatch_event_bus.okta[0].event_source_name == "aws.partner/okta.com/acme/audit"
    error_message = "The bus is that of the partner event source."
  }
  assert {
    condition     = aws_cloudwatch_event_archive.okta[0].event_source_arn == "arn:aws:events:eu-west-1:123456789012:event-bus/aws.partner/okta.com/acme/audit"
    error_message = "The archive is of the bus."
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.okta.event_pattern) == { source = [{ prefix = "aws.partner/okta.com/" }] }
    error_message = "The rule takes every event of Okta."
  }
  assert {
    condition     = length(aws_cloudwatch_event_archive.okta[0].name) <= 48
    error_message = "The name of an archive has 48 characters at most."
  }
  assert {
    condition     = aws_sqs_queue.dead_letters.sqs_managed_sse_enabled
    error_message = "The dead letters are encrypted without a key of one's own."
  }
  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.above)) == toset(["dead-letters", "dead-letters-wait", "failed-invocations", "lost"])
    error_message = "Each of these has an alarm."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.silence.treat_missing_data == "breaching"
    error_message = "No data is silence."
  }
}

run "another_org_has_other_names" {
  command = plan
  variables {
    partner_event_source = "aws.partner/okta.com/a-name-that-is-longer-than-names-may-be/audit.1"
  }
  assert {
    condition     = output.name != run.bus_archive_and_rule.name && length(output.name) <= 48
    error_message = "Two streams fit in one account, also with long names."
  }
}

run "event_types_and_no_archive" {
  command = plan
  variables {
    create_bus   = false
    event_types  = ["user.session.start"]
    archive_days = 0
    kms_key_arn  = "arn:aws:kms:eu-west-1:123456789012:key/k"
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.okta.event_pattern).detail == { eventType = ["user.session.start"] }
    error_message = "The rule takes these event types only."
  }
  assert {
    condition     = length(aws_cloudwatch_event_archive.okta) == 0 && length(aws_cloudwatch_event_bus.okta) == 0
    error_message = "There is no archive, and the bus is there already."
  }
  assert {
    condition     = aws_sqs_queue.dead_letters.kms_master_key_id == "arn:aws:kms:eu-west-1:123456789012:key/k"
    error_message = "The dead letters are encrypted with the key."
  }
}

run "another_source_is_refused" {
  command = plan
  variables {
    partner_event_source = "aws.partner/auth0.com/acme/audit"
  }
  expect_failures = [var.partner_event_source]
}
