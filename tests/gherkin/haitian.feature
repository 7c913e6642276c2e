# language: ht
Fonksyonalite: A
  Senaryo: B
    Sipoze ke a
    Lè b
    Lè sa a c
    Ak d
