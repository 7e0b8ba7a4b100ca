# What every route of an Okta log stream has: partner event bus with an archive, rule, dead-letter queue, and alarms. The modules
# beside this one use it.

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
  validation {
    condition     = can(regex("^aws\\.partner/okta\\.com/[A-Za-z0-9-]{1,63}/[.\\-_A-Za-z0-9]{1,75}$", var.partner_event_source))
    error_message = "It must be aws.partner/okta.com/<org>/<event source name>."
  }
}

variable "route" {
  type        = string
  description = "sqs or http: a part of the names, so that one stream may have both"
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

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  parts = split("/", var.partner_event_source)
  # Short enough for every name (an archive's has 48 characters at most), and another for each stream and route.
  slug = replace("${local.parts[2]}-${local.parts[3]}", "/[^A-Za-z0-9-]/", "-")
  name = "okta-${var.route}-${substr(local.slug, 0, 24)}-${substr(sha256(var.partner_event_source), 0, 8)}"
  bus  = var.create_bus ? aws_cloudwatch_event_bus.okta[0].name : var.partner_event_source
  # That of a bus which is there already has to be put together.
  account = data.aws_caller_identity.current.account_id
  arn     = "arn:${data.aws_partition.current.partition}:events:${data.aws_region.current.region}:${local.account}"
  bus_arn = "${local.arn}:event-bus/${local.bus}"
  pattern = { source = [{ prefix = "aws.partner/okta.com/" }] }
}

resource "aws_cloudwatch_event_bus" "okta" {
  count             = var.create_bus ? 1 : 0
  name              = var.partner_event_source
  event_source_name = var.partner_event_source
  tags              = var.tags
  # Without its bus the partner event source is gone, and Okta deactivates the log stream.
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_cloudwatch_event_archive" "okta" {
  count              = var.archive_days == 0 ? 0 : 1
  name               = local.name
  description        = "Events of ${var.partner_event_source}"
  event_source_arn   = local.bus_arn
  event_pattern      = jsonencode(local.pattern)
  retention_days     = var.archive_days
  kms_key_identifier = var.kms_key_arn
}

resource "aws_cloudwatch_event_rule" "okta" {
  name           = local.name
  description    = "Okta events on their way to Coralogix"
  event_bus_name = local.bus
  event_pattern = jsonencode(merge(
    local.pattern,
    length(var.event_types) == 0 ? {} : { detail = { eventType = var.event_types } },
  ))
  tags = var.tags
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${local.name}-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = var.kms_key_arn == null ? true : null
  kms_master_key_id         = var.kms_key_arn
  tags                      = var.tags
}

data "aws_iam_policy_document" "dead_letters" {
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
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
  statement {
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [aws_sqs_queue.dead_letters.arn]
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

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id
  policy    = data.aws_iam_policy_document.dead_letters.json
}

locals {
  rule = { EventBusName = var.partner_event_source, RuleName = aws_cloudwatch_event_rule.okta.name }
  alarms = {
    dead-letters = {
      description = "Okta events are in the dead-letter queue. Remove the cause, and redrive them before they are 24 hours old."
      namespace   = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum"
      dimensions  = { QueueName = aws_sqs_queue.dead_letters.name }
      above       = 0
    }
    dead-letters-wait = {
      description = "An Okta event has been in the dead-letter queue for two hours, after up to 20 hours of tries."
      namespace   = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum"
      dimensions  = { QueueName = aws_sqs_queue.dead_letters.name }
      above       = 7200
    }
    failed-invocations = {
      description = "EventBridge gave up on Okta events; they are in the dead-letter queue."
      namespace   = "AWS/Events", metric = "FailedInvocations", statistic = "Sum"
      dimensions  = local.rule
      above       = 0
    }
    lost = {
      description = "EventBridge could not put Okta events into the dead-letter queue either. They are in the archive and in Okta."
      namespace   = "AWS/Events", metric = "InvocationsFailedToBeSentToDlq", statistic = "Sum"
      dimensions  = local.rule
      above       = 0
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "above" {
  for_each            = local.alarms
  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  dimensions          = each.value.dimensions
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "silence" {
  alarm_name          = "${local.name}-silence"
  alarm_description   = "Okta sends nothing. See whether it has deactivated the log stream, and activate it again."
  namespace           = "AWS/Events"
  metric_name         = "Events"
  statistic           = "Sum"
  dimensions          = { EventSourceName = var.partner_event_source }
  period              = 3600
  evaluation_periods  = var.quiet_hours
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}

output "name" {
  description = "What the names of this stream and route begin with"
  value       = local.name
}

output "account_id" {
  description = "The account"
  value       = local.account
}

output "bus_name" {
  description = "The bus"
  value       = local.bus
}

output "rule_name" {
  description = "The rule, whose target the route adds"
  value       = aws_cloudwatch_event_rule.okta.name
}

output "rule_arn" {
  description = "The rule, which may send to the target"
  value       = aws_cloudwatch_event_rule.okta.arn
}

output "dead_letter_queue_arn" {
  description = "The dead-letter queue"
  value       = aws_sqs_queue.dead_letters.arn
}

output "dead_letter_queue_url" {
  description = "The dead-letter queue"
  value       = aws_sqs_queue.dead_letters.url
}
