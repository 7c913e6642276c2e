Feature: A
   
  	
  Scenario: B
      
    Given c
   
      | d |
     
      | e |
 
    Then f
