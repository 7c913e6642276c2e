# language: ru
Функция: Сервер падает
  Правило: Правило
  Сценарий: Один
    Допустим 4 webservers behind haproxy
    Если a random webserver dies
    То recovery takes under 30 s
    К тому же no other node fails
    Но 5 s pass
    А also this
