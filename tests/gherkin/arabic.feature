# language: ar
خاصية: خادم
  الخلفية:
    بفرض 4 webservers behind haproxy
  سيناريو: واحد
    متى a random webserver dies
    ثم recovery takes under 30 s
    و no other node fails
    لكن 5 s pass
