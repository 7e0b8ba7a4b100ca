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
  mock_data "aws_secretsmanager_secret_version" {
    defaults = { secret_string = "the key" }
  }
}

variables {
  partner_event_source = "aws.partner/okta.com/acme/audit"
  endpoint             = "https://okta.example.com/aws/event-bridge"
  api_key_secret_arn   = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:key"
  # Terraform destroys what it has made at the end of a test, and a bus may not be.
  create_bus = false
}

run "destination" {
  assert {
    condition     = aws_cloudwatch_event_target.okta.arn == aws_cloudwatch_event_api_destination.okta.arn
    error_message = "The rule sends to the destination."
  }
  assert {
    condition     = aws_cloudwatch_event_target.okta.retry_policy[0].maximum_event_age_in_seconds == 20 * 3600
    error_message = "4 of 24 hours are left to redrive."
  }
  assert {
    condition     = aws_cloudwatch_event_connection.okta.auth_parameters[0].api_key[0].value == "the key"
    error_message = "The key is that of the secret."
  }
  assert {
    condition     = data.aws_iam_policy_document.assumed_by_events.statement[0].condition[0].values[0] == "123456789012"
    error_message = "Only EventBridge of this account takes the role."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue.redriven.redrive_policy).deadLetterTargetArn == module.stream.dead_letter_queue_arn
    error_message = "SQS redrives only the dead letters of a queue."
  }
}

run "plain_http_is_refused" {
  command = plan
  variables {
    endpoint = "http://okta.example.com/aws/event-bridge"
  }
  expect_failures = [var.endpoint]
}
