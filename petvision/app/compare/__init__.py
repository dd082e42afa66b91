"""The Compare tab: two explanations on one scale."""
