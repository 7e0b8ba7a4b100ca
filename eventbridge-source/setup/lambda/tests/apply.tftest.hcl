mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_data "aws_secretsmanager_secret_version" {
    defaults = { secret_string = "the key" }
  }
}

variables {
  name                     = "okta-acme"
  queue_arn                = "arn:aws:sqs:eu-west-1:123456789012:okta"
  reads_queue_policy_arn   = "arn:aws:iam::123456789012:policy/reads"
  package                  = "main.tf"
  coralogix_domain         = "EU2"
  coralogix_key_secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:key"
}

run "function" {
  assert {
    condition     = aws_lambda_event_source_mapping.okta.function_response_types == tolist(["ReportBatchItemFailures"])
    error_message = "Without it Lambda deletes what was not settled."
  }
  assert {
    condition     = aws_lambda_function.okta.environment[0].variables["OKTA_CORALOGIX_DEAD_LETTERS"] == "-"
    error_message = "Dead letters have to outlive the function."
  }
  assert {
    condition     = aws_lambda_function.okta.environment[0].variables["CORALOGIX_API_KEY"] == "the key"
    error_message = "The key is that of the secret."
  }
  assert {
    condition     = aws_iam_role_policy_attachment.reads_queue.policy_arn == var.reads_queue_policy_arn
    error_message = "The function may read the queue."
  }
}
