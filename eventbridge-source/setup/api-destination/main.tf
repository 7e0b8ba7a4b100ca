# Okta log stream to an HTTPS endpoint: what ../stream has, an API destination, and a queue that dead letters are redriven into.

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

variable "endpoint" {
  type        = string
  description = "The public address of the receiver, https://<host>/aws/event-bridge"
  validation {
    condition     = startswith(var.endpoint, "https://")
    error_message = "It must begin with https://."
  }
}

variable "api_key_secret_arn" {
  type        = string
  description = "The secret of Secrets Manager whose whole text is the key of the receiver (EVENTBRIDGE_API_KEY). The state holds it too"
}

variable "api_key_header" {
  type        = string
  description = "The header that carries the key"
  default     = "x-amz-event-bridge-access-key"
}

variable "requests_per_second" {
  type        = number
  description = "The most requests in a second; too few, and the backlog outlives the 20 hours of retries"
  default     = 300
}

module "stream" {
  source               = "../stream"
  route                = "http"
  partner_event_source = var.partner_event_source
  create_bus           = var.create_bus
  event_types          = var.event_types
  archive_days         = var.archive_days
  kms_key_arn          = var.kms_key_arn
  alarm_topic_arns     = var.alarm_topic_arns
  quiet_hours          = var.quiet_hours
  tags                 = var.tags
}

data "aws_secretsmanager_secret_version" "api_key" {
  secret_id = var.api_key_secret_arn
}

resource "aws_cloudwatch_event_connection" "okta" {
  name               = module.stream.name
  authorization_type = "API_KEY"
  auth_parameters {
    api_key {
      key   = var.api_key_header
      value = data.aws_secretsmanager_secret_version.api_key.secret_string
    }
  }
}

resource "aws_cloudwatch_event_api_destination" "okta" {
  name                             = module.stream.name
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
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [module.stream.account_id]
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
  name               = "${module.stream.name}-invokes"
  assume_role_policy = data.aws_iam_policy_document.assumed_by_events.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "invokes" {
  name   = "invoke"
  role   = aws_iam_role.invokes.id
  policy = data.aws_iam_policy_document.invokes.json
}

resource "aws_cloudwatch_event_target" "okta" {
  rule           = module.stream.rule_name
  event_bus_name = module.stream.bus_name
  target_id      = "receiver"
  arn            = aws_cloudwatch_event_api_destination.okta.arn
  role_arn       = aws_iam_role.invokes.arn
  dead_letter_config {
    arn = module.stream.dead_letter_queue_arn
  }
  # 20 of the 24 hours that Coralogix takes events: 4 are left to redrive the dead letters.
  retry_policy {
    maximum_event_age_in_seconds = 72000
    maximum_retry_attempts       = 185
  }
}

# Dead letters can be redriven only where a queue has them as its own, and a consumer is to read them where nothing else writes.
resource "aws_sqs_queue" "redriven" {
  name                       = "${module.stream.name}-redriven"
  message_retention_seconds  = 1209600
  sqs_managed_sse_enabled    = var.kms_key_arn == null ? true : null
  kms_master_key_id          = var.kms_key_arn
  receive_wait_time_seconds  = 20
  visibility_timeout_seconds = 60
  redrive_policy = jsonencode({
    deadLetterTargetArn = module.stream.dead_letter_queue_arn
    maxReceiveCount     = 10
  })
  tags = var.tags
}

data "aws_iam_policy_document" "redriven" {
  statement {
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [aws_sqs_queue.redriven.arn]
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

resource "aws_sqs_queue_policy" "redriven" {
  queue_url = aws_sqs_queue.redriven.id
  policy    = data.aws_iam_policy_document.redriven.json
}

module "rights" {
  source                = "../rights"
  name                  = module.stream.name
  queue_arn             = aws_sqs_queue.redriven.arn
  dead_letter_queue_arn = module.stream.dead_letter_queue_arn
  kms_key_arn           = var.kms_key_arn
  tags                  = var.tags
}

output "dead_letter_queue_url" {
  description = "What could not be delivered within 20 hours. Redrive it into the other queue; do not give it to a consumer"
  value       = module.stream.dead_letter_queue_url
}

output "dead_letter_queue_arn" {
  description = "The source when dead letters are redriven"
  value       = module.stream.dead_letter_queue_arn
}

output "redriven_queue_arn" {
  description = "The destination when dead letters are redriven"
  value       = aws_sqs_queue.redriven.arn
}

output "redriven_queue_url" {
  description = "SQS_QUEUE_URL of eventbridge_sqs, which sends what was redriven"
  value       = aws_sqs_queue.redriven.url
}

output "reads_redriven_policy_arn" {
  description = "To be attached to the role of that consumer"
  value       = module.rights.reads_policy_arn
}

output "redrives_policy_arn" {
  description = "To be attached to the role of those who redrive"
  value       = module.rights.redrives_policy_arn
}
