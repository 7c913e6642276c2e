#language:de
Funktionalität: Ein Server stirbt
  Grundlage:
    Angenommen 4 webservers behind haproxy
  Szenario: Einer
    Wenn a random webserver dies
    Dann recovery takes under 30 s
    Und no other node fails
    Aber 5 s pass
  Szenariogrundriss: <wer>
    Gegeben sei <wer>
    Beispiele:
      | wer |
      | x   |
