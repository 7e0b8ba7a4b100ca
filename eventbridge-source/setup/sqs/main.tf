# Okta log stream to SQS: partner event bus, rule, queue, dead-letter queue, and the rights to read the queue.

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

variable "visibility_timeout" {
  type        = number
  description = "Seconds after which the messages of a consumer that died are given to another"
  default     = 60
}

variable "max_receive_count" {
  type        = number
  description = "How often a message is given before it moves to the dead-letter queue"
  default     = 10
}

resource "aws_cloudwatch_event_bus" "okta" {
  count             = var.create_bus ? 1 : 0
  name              = var.partner_event_source
  event_source_name = var.partner_event_source
}

resource "aws_sqs_queue" "dead_letters" {
  name_prefix               = "okta-dead-letters-"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "okta" {
  name_prefix                = "okta-"
  message_retention_seconds  = 1209600
  sqs_managed_sse_enabled    = true
  receive_wait_time_seconds  = 20
  visibility_timeout_seconds = var.visibility_timeout
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = var.max_receive_count
  })
}

resource "aws_cloudwatch_event_rule" "okta" {
  name_prefix    = "okta-"
  description    = "Okta events to the queue that the Coralogix consumer reads"
  event_bus_name = var.create_bus ? aws_cloudwatch_event_bus.okta[0].name : var.partner_event_source
  event_pattern = jsonencode(merge(
    { source = [{ prefix = "aws.partner/okta.com/" }] },
    length(var.event_types) == 0 ? {} : { detail = { eventType = var.event_types } },
  ))
}

resource "aws_cloudwatch_event_target" "okta" {
  rule           = aws_cloudwatch_event_rule.okta.name
  event_bus_name = aws_cloudwatch_event_rule.okta.event_bus_name
  target_id      = "queue"
  arn            = aws_sqs_queue.okta.arn
  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }
}

data "aws_iam_policy_document" "events" {
  for_each = { queue = aws_sqs_queue.okta.arn, dead_letters = aws_sqs_queue.dead_letters.arn }
  statement {
    actions   = ["sqs:SendMessage"]
    resources = [each.value]
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

resource "aws_sqs_queue_policy" "okta" {
  queue_url = aws_sqs_queue.okta.id
  policy    = data.aws_iam_policy_document.events["queue"].json
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id
  policy    = data.aws_iam_policy_document.events["dead_letters"].json
}

data "aws_iam_policy_document" "reads_queue" {
  statement {
    actions = [
      "sqs:ReceiveMessage",
      "sqs:DeleteMessage",
      "sqs:ChangeMessageVisibility",
      "sqs:GetQueueAttributes",
    ]
    resources = [aws_sqs_queue.okta.arn]
  }
}

resource "aws_iam_policy" "reads_queue" {
  name_prefix = "okta-reads-queue-"
  description = "What the consumer of the Okta queue needs"
  policy      = data.aws_iam_policy_document.reads_queue.json
}

output "queue_url" {
  description = "SQS_QUEUE_URL of the consumer"
  value       = aws_sqs_queue.okta.url
}

output "dead_letter_queue_url" {
  description = "What EventBridge could not deliver, and what was received too often"
  value       = aws_sqs_queue.dead_letters.url
}

output "reads_queue_policy_arn" {
  description = "To be attached to the role of the consumer"
  value       = aws_iam_policy.reads_queue.arn
}
