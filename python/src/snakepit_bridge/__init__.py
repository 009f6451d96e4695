"""Snakepit bridge."""
