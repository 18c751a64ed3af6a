import"./part-WXSZVO7U.js";
