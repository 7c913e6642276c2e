Feature: Outlines
  Scena rio Out