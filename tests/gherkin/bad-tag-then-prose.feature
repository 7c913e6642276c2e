@a
prose
Feature: B
