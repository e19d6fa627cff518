"""The tables of the study ``ats``: data frames of numbers, and their rendering for readers."""

from reveil.tables.attacks import attack_table
from reveil.tables.beside import enhanced_columns, mean_psnr, named_policies, overlap_note
from reveil.tables.correlation import correlation_notes, correlation_table, policy_scores
from reveil.tables.cost import cost_table, gpu_hours, read_benchmarks
from reveil.tables.defences import equal_accuracy, pareto_front
from reveil.tables.insights import (
    best_table,
    grouped_scores,
    random_table,
    ranking_agreement,
    single_ranking,
    top_operations,
)
from reveil.tables.markup import readable, to_html, to_markdown
from reveil.tables.policy import policy_table
from reveil.tables.printed import write
from reveil.tables.search import search_table, single_table
from reveil.tables.seeds import seed_spread

__all__ = [
    "attack_table",
    "best_table",
    "correlation_notes",
    "correlation_table",
    "cost_table",
    "enhanced_columns",
    "equal_accuracy",
    "gpu_hours",
    "grouped_scores",
    "mean_psnr",
    "named_policies",
    "overlap_note",
    "pareto_front",
    "policy_scores",
    "policy_table",
    "random_table",
    "ranking_agreement",
    "read_benchmarks",
    "readable",
    "search_table",
    "seed_spread",
    "single_ranking",
    "single_table",
    "to_html",
    "to_markdown",
    "top_operations",
    "write",
]
