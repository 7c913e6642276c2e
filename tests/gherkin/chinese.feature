# language: zh-CN
功能: 服务器
  场景: 一
    假如4 webservers behind haproxy
    当a random webserver dies
    那么recovery takes under 30 s
    而且5 s pass
    但是no other node fails
  场景大纲: <n>
    假设<n>
    例子:
      | n |
      | 1 |
