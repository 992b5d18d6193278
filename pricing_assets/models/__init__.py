"""Trained models: registered, validated against the champion, put in force through the human gate, rolled back.

Here: the registry (MLflow, an adapter), validation reports, the promotion decision, retraining step by step. Not here:
forecasting and training themselves (demand/), what drifted (monitoring/), who approved (governance/).
"""

from __future__ import annotations

from pricing_assets.models.artifacts import ModelUnavailable, content_hash
from pricing_assets.models.asking import ask, ask_first_start
from pricing_assets.models.listing import registered, versions_table
from pricing_assets.models.promotion import Policy, PromotionDecision, promotion_decision
from pricing_assets.models.records import CHALLENGER, CHAMPION, Fetched, Signature, TrainingRecord, Version
from pricing_assets.models.registry import Registry, open_registry
from pricing_assets.models.report import Accuracy, Compared, Contestant, Identity, ValidationReport
from pricing_assets.models.retraining import Bench, Validation, retrain, roll_back
from pricing_assets.models.serving import Serving, champion_in_force, recorded, serving_of
from pricing_assets.models.validation import rising, validation_report

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "Accuracy",
    "Bench",
    "Compared",
    "Contestant",
    "Fetched",
    "Identity",
    "ModelUnavailable",
    "Policy",
    "PromotionDecision",
    "Registry",
    "Serving",
    "Signature",
    "TrainingRecord",
    "Validation",
    "ValidationReport",
    "Version",
    "ask",
    "ask_first_start",
    "champion_in_force",
    "content_hash",
    "open_registry",
    "promotion_decision",
    "recorded",
    "registered",
    "retrain",
    "rising",
    "roll_back",
    "serving_of",
    "validation_report",
    "versions_table",
]
