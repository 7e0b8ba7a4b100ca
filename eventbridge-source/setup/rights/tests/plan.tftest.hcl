mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name                  = "okta-acme-audit-sqs"
  queue_arn             = "arn:aws:sqs:eu-west-1:123456789012:okta"
  dead_letter_queue_arn = "arn:aws:sqs:eu-west-1:123456789012:dead-letters"
}

run "without_a_key" {
  assert {
    condition     = !contains(data.aws_iam_policy_document.reads.statement[0].resources, var.dead_letter_queue_arn)
    error_message = "The consumer may not read the dead letters."
  }
  assert {
    condition     = length(data.aws_iam_policy_document.reads.statement) == 1
    error_message = "Without a key there is nothing to decrypt."
  }
  assert {
    condition     = tolist(data.aws_iam_policy_document.redrives.statement[1].resources) == tolist([var.queue_arn])
    error_message = "The dead letters are redriven into the queue."
  }
}

run "with_a_key" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/k"
  }
  assert {
    condition     = data.aws_iam_policy_document.reads.statement[1].actions == tolist(["kms:Decrypt"])
    error_message = "The consumer may use the key."
  }
}
