import"./part-LGLT66IG.js";
