import"./part-OF3ERPWO.js";
