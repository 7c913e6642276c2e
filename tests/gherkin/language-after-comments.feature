# A comment first

# language: en-pirate
# language: fr
Ahoy matey!: A
  Heave to: B
    Gangway! 4 webservers behind haproxy
    Blimey! a random webserver dies
    Let go and haul recovery takes under 30 s
