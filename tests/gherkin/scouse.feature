# language: en-Scouse
Feature: A
  Dis is what went down: B
    The thing of it is:c
  The thing of it is: D
    Givun a
    Youse know when youse got b
    Dun c
    An d
    Buh e
