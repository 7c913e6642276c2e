# language: fr
Fonctionnalité: Un serveur meurt
  Contexte:
    Étant donné que 4 webservers behind haproxy
    Et qu'requests time out after 5 s

  Règle: Une règle
    Scénario: Un seul
      Soit 4 webservers behind haproxy
      Quand a random webserver dies
      * 5 s pass
      Alors recovery takes under 30 s
      Mais no other node fails
    Plan du scénario: <qui>
      Lorsque <qui> dies
      Exemples:
        | qui |
        | web-1 |
