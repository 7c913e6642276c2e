# language: ja
フィーチャ: サーバが落ちる
  背景:
    前提4 webservers behind haproxy
  シナリオ: ひとつ
    もしa random webserver dies
    ならばrecovery takes under 30 s
    かつno other node fails
    しかし5 s pass
  シナリオアウトライン: <n>
    前提 <n>
    例:
      | n |
      | 1 |
