"""The tables of the study ``ats``: data frames of numbers, and their rendering for readers."""

from reveil.tables.markup import readable, to_html, to_markdown
from reveil.tables.policy import policy_table
from reveil.tables.search import search_table, single_table

__all__ = ["policy_table", "readable", "search_table", "single_table", "to_html", "to_markdown"]
