@a @b
@c
# a comment between tags

@d
Feature: Tags
  @e  @f	@g
  @h#i @j # a comment with @no tag
  Scenario: Many
    Given a
  @a @a
  Scenario: Twice the same
    Given a
  @with-minus @with.dot @with:colon @with(parentheses) @1 @größe
  Scenario: All sorts
    Given a
  @joined@together
  Scenario: Without a blank between
    Given a
