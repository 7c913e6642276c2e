# A file in which nothing is written yet
   # and that says so

