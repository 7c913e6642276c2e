Feature: A site that has yet to be tested

  It is described already.
