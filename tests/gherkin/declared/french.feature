# language: fr
Fonctionnalité: Un serveur meurt

  Contexte:
    Soit 4 webservers behind haproxy

  Règle: Tout se répare
    Scénario: Un seul
      Quand a random webserver dies
      Et 5 s pass
      Alors recovery takes under 30 s

    Plan du scénario: <qui> meurt
      Quand <qui> dies
      Alors recovery takes under 30 s

      Exemples:
        | qui                |
        | a random webserver |
        | the active load balancer |
