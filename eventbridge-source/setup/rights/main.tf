# The rights at a queue of Okta events: of its consumer, and of those who redrive dead letters into it. Used by ../sqs and
# ../api-destination.

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
  description = "What the names of the stream and route begin with"
}

variable "queue_arn" {
  type        = string
  description = "The queue"
}

variable "dead_letter_queue_arn" {
  type        = string
  description = "The dead-letter queue, whose messages are redriven into it"
}

variable "kms_key_arn" {
  type        = string
  description = "The customer managed key of both; null for AWS's keys"
  default     = null
}

variable "tags" {
  type        = map(string)
  description = "Tags of everything"
  default     = {}
}

data "aws_iam_policy_document" "reads" {
  statement {
    actions = [
      "sqs:ReceiveMessage",
      "sqs:DeleteMessage",
      "sqs:ChangeMessageVisibility",
      "sqs:GetQueueAttributes",
    ]
    resources = [var.queue_arn]
  }
  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]
    content {
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_policy" "reads" {
  name        = "${var.name}-reads"
  description = "What the consumer of the queue needs"
  policy      = data.aws_iam_policy_document.reads.json
  tags        = var.tags
}

data "aws_iam_policy_document" "redrives" {
  statement {
    actions = [
      "sqs:ReceiveMessage",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:StartMessageMoveTask",
      "sqs:CancelMessageMoveTask",
      "sqs:ListMessageMoveTasks",
    ]
    resources = [var.dead_letter_queue_arn]
  }
  statement {
    actions   = ["sqs:SendMessage"]
    resources = [var.queue_arn]
  }
  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]
    content {
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_policy" "redrives" {
  name        = "${var.name}-redrives"
  description = "What a person needs to look at the dead letters, and to have SQS move them into the queue"
  policy      = data.aws_iam_policy_document.redrives.json
  tags        = var.tags
}

output "reads_policy_arn" {
  description = "To be attached to the role of the consumer"
  value       = aws_iam_policy.reads.arn
}

output "reads_queue_arns" {
  description = "What the consumer may read"
  value       = data.aws_iam_policy_document.reads.statement[0].resources
}

output "reads_key_arns" {
  description = "What the consumer may decrypt with"
  value       = flatten([for statement in slice(data.aws_iam_policy_document.reads.statement, 1, length(data.aws_iam_policy_document.reads.statement)) : statement.resources])
}

output "redrives_policy_arn" {
  description = "To be attached to the role of those who redrive"
  value       = aws_iam_policy.redrives.arn
}
