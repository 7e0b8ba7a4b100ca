# The Lambda function that sends the events of an Okta queue to Coralogix, beside ../sqs: function, mapping of the queue, log, alarms.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

variable "name" {
  type        = string
  description = "The name of function, role and log; another for each stream"
}

variable "queue_arn" {
  type        = string
  description = "The output queue_arn of ../sqs, whose visibility_timeout is to be 360"
}

variable "reads_queue_policy_arn" {
  type        = string
  description = "The output reads_queue_policy_arn of ../sqs"
}

variable "package" {
  type        = string
  description = "The ZIP file of the function, which holds okta-coralogix-eventbridge-lambda under the name bootstrap"
}

variable "architecture" {
  type        = string
  description = "What the program was built for: arm64 or x86_64"
  default     = "arm64"
}

variable "coralogix_domain" {
  type        = string
  description = "A region of Coralogix (EU2), or a domain (CORALOGIX_DOMAIN)"
}

variable "coralogix_key_secret_arn" {
  type        = string
  description = "The secret of Secrets Manager whose whole text is the Send-Your-Data API key. The state holds it too"
}

variable "batch_size" {
  type        = number
  description = "The most messages of an invocation"
  default     = 500
}

variable "batching_window" {
  type        = number
  description = "For how many seconds a batch is gathered; at least 1 for more than 10 messages"
  default     = 5
}

variable "maximum_concurrency" {
  type        = number
  description = "How many invocations there may be at a time; each has up to 4 requests to Coralogix"
  default     = 5
}

variable "log_days" {
  type        = number
  description = "How long the log is kept, which holds the dead letters, with the personal data in them"
  default     = 30
}

variable "kms_key_arn" {
  type        = string
  description = "A customer managed key that logs.<region>.amazonaws.com may use, for variables and log; null for AWS's keys"
  default     = null
}

variable "alarm_topic_arns" {
  type        = list(string)
  description = "The SNS topics that alarms are sent to"
  default     = []
}

variable "tags" {
  type        = map(string)
  description = "Tags of everything"
  default     = {}
}

data "aws_secretsmanager_secret_version" "coralogix_key" {
  secret_id = var.coralogix_key_secret_arn
}

resource "aws_cloudwatch_log_group" "okta" {
  #checkov:skip=CKV_AWS_338: it holds personal data, and nothing that is not in Coralogix for as long as wanted
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

data "aws_iam_policy_document" "assumed_by_lambda" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "log" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.okta.arn}:*"]
  }
  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]
    content {
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role" "okta" {
  name               = var.name
  assume_role_policy = data.aws_iam_policy_document.assumed_by_lambda.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "log" {
  name   = "log"
  role   = aws_iam_role.okta.id
  policy = data.aws_iam_policy_document.log.json
}

resource "aws_iam_role_policy_attachment" "reads_queue" {
  role       = aws_iam_role.okta.name
  policy_arn = var.reads_queue_policy_arn
}

resource "aws_lambda_function" "okta" {
  #checkov:skip=CKV_AWS_50: the log says what an invocation did
  #checkov:skip=CKV_AWS_115: maximum_concurrency of the mapping bounds it
  #checkov:skip=CKV_AWS_116: the queue has the dead letters of a function that is not invoked asynchronously
  #checkov:skip=CKV_AWS_117: it calls public addresses only
  #checkov:skip=CKV_AWS_272: signing the package is the account's matter
  function_name    = var.name
  description      = "Sends the events of an Okta queue to Coralogix"
  role             = aws_iam_role.okta.arn
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  # The visibility timeout of the queue is to be six times as long.
  timeout     = 60
  memory_size = 256
  kms_key_arn = var.kms_key_arn
  environment {
    variables = {
      CORALOGIX_DOMAIN            = var.coralogix_domain
      CORALOGIX_API_KEY           = data.aws_secretsmanager_secret_version.coralogix_key.secret_string
      OKTA_CORALOGIX_DEAD_LETTERS = "-"
      OKTA_CORALOGIX_LOG_FORMAT   = "json"
    }
  }
  tags       = var.tags
  depends_on = [aws_cloudwatch_log_group.okta, aws_iam_role_policy.log, aws_iam_role_policy_attachment.reads_queue]
}

resource "aws_lambda_event_source_mapping" "okta" {
  event_source_arn                   = var.queue_arn
  function_name                      = aws_lambda_function.okta.arn
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = var.batching_window
  # Without it Lambda ignores which messages were not settled, and deletes them.
  function_response_types = ["ReportBatchItemFailures"]
  scaling_config {
    maximum_concurrency = var.maximum_concurrency
  }
  tags = var.tags
}

resource "aws_cloudwatch_log_metric_filter" "dead_letters" {
  name           = "${var.name}-dead-letters"
  log_group_name = aws_cloudwatch_log_group.okta.name
  pattern        = "{ $.message = \"*dead-lettered\" }"
  metric_transformation {
    namespace = "OktaCoralogix"
    name      = "DeadLettered-${var.name}"
    value     = "1"
  }
}

locals {
  alarms = {
    errors = {
      description = "Invocations fail for a quarter of an hour. The log says why; the messages come again."
      namespace   = "AWS/Lambda", metric = "Errors", periods = 3
      dimensions  = { FunctionName = aws_lambda_function.okta.function_name }
    }
    throttles = {
      description = "The account has no room for invocations. The messages come again, and each time is a receive."
      namespace   = "AWS/Lambda", metric = "Throttles", periods = 3
      dimensions  = { FunctionName = aws_lambda_function.okta.function_name }
    }
    dead-letters = {
      description = "The function has dead-lettered Okta events. They are in its log, with the reason."
      namespace   = "OktaCoralogix", metric = "DeadLettered-${var.name}", periods = 1
      dimensions  = {}
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "above" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = "Sum"
  dimensions          = each.value.dimensions
  period              = 300
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}

output "function_name" {
  description = "The name of the function"
  value       = aws_lambda_function.okta.function_name
}

output "log_group_name" {
  description = "The log, with the dead letters"
  value       = aws_cloudwatch_log_group.okta.name
}
