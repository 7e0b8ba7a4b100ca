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
  # Terraform destroys what it has made at the end of a test, and a bus may not be.
  create_bus = false
}

run "queue" {
  assert {
    condition     = aws_cloudwatch_event_target.okta.arn == aws_sqs_queue.okta.arn
    error_message = "The rule sends to the queue."
  }
  assert {
    condition     = aws_cloudwatch_event_target.okta.retry_policy[0].maximum_event_age_in_seconds == 20 * 3600
    error_message = "4 of 24 hours are left to redrive."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue.okta.redrive_policy).deadLetterTargetArn == module.stream.dead_letter_queue_arn
    error_message = "SQS redrives only the dead letters of a queue."
  }
  assert {
    condition     = data.aws_iam_policy_document.okta.statement[0].condition[1].values[0] == "123456789012"
    error_message = "Only rules of this account may send."
  }
  assert {
    condition     = data.aws_iam_policy_document.okta.statement[1].effect == "Deny"
    error_message = "The queue is closed without TLS."
  }
  assert {
    condition     = tolist(module.rights.reads_queue_arns) == tolist([aws_sqs_queue.okta.arn])
    error_message = "The consumer may read the queue, and not the dead letters."
  }
  assert {
    condition     = length(module.rights.reads_key_arns) == 0
    error_message = "Without a key there is nothing to decrypt."
  }
}

run "key" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/k"
  }
  assert {
    condition     = tolist(module.rights.reads_key_arns) == tolist([var.kms_key_arn])
    error_message = "The consumer may use the key."
  }
}
