   	Feature:   blanks around   
Background:
Given a
		  When   b   
   Scenario:x
And c	
  	 	  Then d
            Scenario Outline:    
      Given <e>
Examples:e
|e|
			| 1 |
