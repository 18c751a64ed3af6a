import"./part-TRHEDRDG.js";
