# Okta log stream to SQS: what ../stream has, and a queue with the rights to read it and to redrive its dead letters.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

variable "partner_event_source" {
  type        = string
  description = "The partner event source that Okta has made, aws.partner/okta.com/<org>/<event source name>"
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

variable "archive_days" {
  type        = number
  description = "How long the bus's archive keeps events, since Okta cannot send them again; 0 for no archive"
  default     = 7
}

variable "kms_key_arn" {
  type        = string
  description = "A customer managed key that events.amazonaws.com may use, for queues and archive; null for AWS's keys"
  default     = null
}

variable "alarm_topic_arns" {
  type        = list(string)
  description = "The SNS topics that alarms are sent to"
  default     = []
}

variable "quiet_hours" {
  type        = number
  description = "After how many hours without an event of Okta there is an alarm, up to 24"
  default     = 3
}

variable "tags" {
  type        = map(string)
  description = "Tags of everything"
  default     = {}
}

variable "visibility_timeout" {
  type        = number
  description = "Seconds after which the messages of a consumer that died are given to another; for the Lambda function 360"
  default     = 60
}

variable "max_receive_count" {
  type        = number
  description = "How often a message is given before it moves to the dead-letter queue"
  default     = 10
}

module "stream" {
  source               = "../stream"
  route                = "sqs"
  partner_event_source = var.partner_event_source
  create_bus           = var.create_bus
  event_types          = var.event_types
  archive_days         = var.archive_days
  kms_key_arn          = var.kms_key_arn
  alarm_topic_arns     = var.alarm_topic_arns
  quiet_hours          = var.quiet_hours
  tags                 = var.tags
}

resource "aws_sqs_queue" "okta" {
  name                       = module.stream.name
  message_retention_seconds  = 1209600
  sqs_managed_sse_enabled    = var.kms_key_arn == null ? true : null
  kms_master_key_id          = var.kms_key_arn
  receive_wait_time_seconds  = 20
  visibility_timeout_seconds = var.visibility_timeout
  redrive_policy = jsonencode({
    deadLetterTargetArn = module.stream.dead_letter_queue_arn
    maxReceiveCount     = var.max_receive_count
  })
  tags = var.tags
}

data "aws_iam_policy_document" "okta" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.okta.arn]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [module.stream.rule_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [module.stream.account_id]
    }
  }
  statement {
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [aws_sqs_queue.okta.arn]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "okta" {
  queue_url = aws_sqs_queue.okta.id
  policy    = data.aws_iam_policy_document.okta.json
}

resource "aws_cloudwatch_event_target" "okta" {
  rule           = module.stream.rule_name
  event_bus_name = module.stream.bus_name
  target_id      = "queue"
  arn            = aws_sqs_queue.okta.arn
  dead_letter_config {
    arn = module.stream.dead_letter_queue_arn
  }
  # 20 of the 24 hours that Coralogix takes events: 4 are left to redrive the dead letters.
  retry_policy {
    maximum_event_age_in_seconds = 72000
    maximum_retry_attempts       = 185
  }
}

resource "aws_cloudwatch_metric_alarm" "backlog" {
  alarm_name          = "${module.stream.name}-backlog"
  alarm_description   = "An Okta event has waited in the queue for an hour. The consumer is down, or slower than Okta."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  statistic           = "Maximum"
  dimensions          = { QueueName = aws_sqs_queue.okta.name }
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 3600
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}

module "rights" {
  source                = "../rights"
  name                  = module.stream.name
  queue_arn             = aws_sqs_queue.okta.arn
  dead_letter_queue_arn = module.stream.dead_letter_queue_arn
  kms_key_arn           = var.kms_key_arn
  tags                  = var.tags
}

output "queue_url" {
  description = "SQS_QUEUE_URL of the consumer"
  value       = aws_sqs_queue.okta.url
}

output "queue_arn" {
  description = "queue_arn of ../lambda, and the destination when dead letters are redriven"
  value       = aws_sqs_queue.okta.arn
}

output "dead_letter_queue_url" {
  description = "What EventBridge could not deliver, and what was received too often. Redrive it; do not give it to the consumer"
  value       = module.stream.dead_letter_queue_url
}

output "dead_letter_queue_arn" {
  description = "The source when dead letters are redriven"
  value       = module.stream.dead_letter_queue_arn
}

output "reads_queue_policy_arn" {
  description = "To be attached to the role of the consumer"
  value       = module.rights.reads_policy_arn
}

output "redrives_policy_arn" {
  description = "To be attached to the role of those who redrive"
  value       = module.rights.redrives_policy_arn
}
