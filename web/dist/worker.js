import"./part-AKWB3KN4.js";
