Feature: Größe — 日本語 🙂
  @ü @日本
  Scenario: „quoted” ’name’
    Given a no-break space at the end 
    And an em space
    When 🙂 dies
    | 🙂 | ü |
