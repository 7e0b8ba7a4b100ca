# Okta log stream to an HTTPS endpoint: partner event bus, rule, API destination, and a dead-letter queue.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "partner_event_source" {
  type        = string
  description = "The partner event source that Okta has made, aws.partner/okta.com/<org>/<event source name>"
  validation {
    condition     = can(regex("^aws\\.partner/okta\\.com/[A-Za-z0-9-]{1,63}/[.\\-_A-Za-z0-9]{1,75}$", var.partner_event_source))
    error_message = "It must be aws.partner/okta.com/<org>/<event source name>."
  }
}

variable "create_bus" {
  type        = bool
  description = "false if the partner event source is associated with its bus already"
  default     = true
}

variable "event_types" {
  type        = list(string)
  description = "Okta event types; empty for all events"
  default     = []
}

variable "endpoint" {
  type        = string
  description = "The public address of the receiver, https://<host>/aws/event-bridge"
  validation {
    condition     = startswith(var.endpoint, "https://")
    error_message = "It must begin with https://."
  }
}

variable "api_key" {
  type        = string
  description = "The key that the receiver expects (EVENTBRIDGE_API_KEY)"
  sensitive   = true
}

variable "api_key_header" {
  type        = string
  description = "The header that carries the key"
  default     = "x-amz-event-bridge-access-key"
}

variable "requests_per_second" {
  type        = number
  description = "The most requests in a second; too few, and the backlog outlives the 24 hours of retries"
  default     = 300
}

resource "aws_cloudwatch_event_bus" "okta" {
  count             = var.create_bus ? 1 : 0
  name              = var.partner_event_source
  event_source_name = var.partner_event_source
}

resource "aws_cloudwatch_event_connection" "okta" {
  name               = "okta-to-coralogix"
  authorization_type = "API_KEY"
  auth_parameters {
    api_key {
      key   = var.api_key_header
      value = var.api_key
    }
  }
}

resource "aws_cloudwatch_event_api_destination" "okta" {
  name                             = "okta-to-coralogix"
  connection_arn                   = aws_cloudwatch_event_connection.okta.arn
  http_method                      = "POST"
  invocation_endpoint              = var.endpoint
  invocation_rate_limit_per_second = var.requests_per_second
}

data "aws_iam_policy_document" "assumed_by_events" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "invokes" {
  statement {
    actions   = ["events:InvokeApiDestination"]
    resources = [aws_cloudwatch_event_api_destination.okta.arn]
  }
}

resource "aws_iam_role" "invokes" {
  name_prefix        = "okta-invokes-"
  assume_role_policy = data.aws_iam_policy_document.assumed_by_events.json
}

resource "aws_iam_role_policy" "invokes" {
  name   = "invoke"
  role   = aws_iam_role.invokes.id
  policy = data.aws_iam_policy_document.invokes.json
}

resource "aws_sqs_queue" "dead_letters" {
  name_prefix               = "okta-dead-letters-"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_cloudwatch_event_rule" "okta" {
  name_prefix    = "okta-"
  description    = "Okta events to the receiver that forwards them to Coralogix"
  event_bus_name = var.create_bus ? aws_cloudwatch_event_bus.okta[0].name : var.partner_event_source
  event_pattern = jsonencode(merge(
    { source = [{ prefix = "aws.partner/okta.com/" }] },
    length(var.event_types) == 0 ? {} : { detail = { eventType = var.event_types } },
  ))
}

resource "aws_cloudwatch_event_target" "okta" {
  rule           = aws_cloudwatch_event_rule.okta.name
  event_bus_name = aws_cloudwatch_event_rule.okta.event_bus_name
  target_id      = "receiver"
  arn            = aws_cloudwatch_event_api_destination.okta.arn
  role_arn       = aws_iam_role.invokes.arn
  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }
}

data "aws_iam_policy_document" "events" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead_letters.arn]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.okta.arn]
    }
  }
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id
  policy    = data.aws_iam_policy_document.events.json
}

output "dead_letter_queue_url" {
  description = "What could not be delivered within 24 hours; the consumer for SQS reads it as it is"
  value       = aws_sqs_queue.dead_letters.url
}
