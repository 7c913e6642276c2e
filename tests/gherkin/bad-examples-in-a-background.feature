Feature: A
  Background:
    Given b
    Examples:
      | c |
