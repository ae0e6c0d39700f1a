"""French words and phrases of each class of the synthetic catalogue, the most frequent first.

A `#` stands for any digit. Phrases are separated by commas.
"""

FRENCH: dict[str, str] = {
    "10": """roman, livre, tome #, édition originale, histoire de, essai, collection poche, volume #, guide, poésie,
        théâtre, paperback, hardcover, biographie, chroniques, traité de, mémoires de, philosophie, théologie, grammaire,
        recueil, oeuvres complètes, bibliothèque de, correspondance, manga, anthologie, dictionnaire, université, histoire
        naturelle, sociologie, contes et nouvelles, introduction à, études sur, pensées, le mystère de, économie
        politique, reliure cuir, psychologie, linguistique, textes choisis, ouvrage ancien, broché, encyclopédie, préface
        de, science fiction, polar, tragédie, cours de, mathématiques, droit civil, voyages en, souvenirs, littérature
        étrangère, livre rare""",
    "40": """import japonais, jeu vidéo, édition collector, pc cd-rom, ps3, nintendo ds, import us, import anglais,
        playstation 3, xbox 360, logiciel, wii, version européenne, super famicom, saturn, dreamcast, game boy advance,
        simulation, windows xp, game of the year, limited edition, jeu de course, rpg, the best, psp, neo geo, jeu de tir,
        steelbook, bande originale, mega drive, platinum, 3ds, version japonaise, ps vita, jeu de combat, sony ps4,
        antivirus, cliparts, stratégie, pc engine, nintendo switch, apprendre l'anglais, encarta, dvd-rom, doublage
        japonais, zone libre, jeu d'aventure, gamecube, arcade""",
    "50": """manette, câble, chargeur, housse de protection, coque, volant, casque gaming, batterie, stylet, console,
        support, adaptateur, joystick, manette sans fil, étui, station de charge, ps4, xbox one, wii u, carte mémoire,
        télécommande, sacoche, nintendo switch, alimentation, kit de nettoyage, micro casque, souris gamer, clavier
        rétroéclairé, bluetooth, gamepad, vibration, bouton, film protecteur, skin autocollant, gâchettes, poignée, câble
        hdmi, joy-con, dock, ventilateur, capteur, silicone antidérapant, écran de rechange, prise casque, pédalier,
        contrôleur, connecteur usb, dualshock""",
    "60": """console, console de jeu portable, xbox 360, ps4 slim, nintendo ds lite, 8 bits, rétro, mini console, jeux
        intégrés, 500 go, wii u, game boy color, psp street, nintendo 3ds xl, xbox one s, écran # pouces, jeux classiques,
        lecteur mp4, 1 to, pack console, playstation 2, ps3 ultra slim, switch, kinect, lecteur de jeu, sortie tv, 16
        bits, famille, édition limitée, game & watch, megadrive, blanche, super nintendo, double joystick, manettes
        incluses, atari, ps vita, écran couleur, console de salon, bundle, disque dur, émulateur, jeu vidéo, prise en
        charge, gba, machine de jeux, neo geo mini""",
    "1140": """figurine, funko pop, statuette, collection, star wars, dragon ball, marvel, buste, goodies, porte-clés,
        mug, peluche, one piece, résine, t-shirt, action figure, disney, batman, saint seiya, myth cloth, spider-man, pvc,
        simpsons, harry potter, naruto, vinyl, diorama, socle, robot, asterix, banpresto, astérix obélix, gundam, badge,
        star trek, schtroumpf, sailor moon, tintin, goldorak, # cm, transformers, kotobukiya, hasbro, fève, lanterne,
        alien, playmobil, bandai, édition limitée, personnage, hulk, les tortues ninja, maquette métal, cosplay, pin's,
        masque""",
    "1160": """carte, pokémon, yu-gi-oh, carte magic, panini, vignette, ##/###, commune, rare, holo, reverse, foot, carte
        à jouer, booster, match attax, album, saison, équipe, autocollant, ultra rare, secrète, extension, joueur,
        gardien, pv, force of will, version française, cardfight vanguard, peu commune, 1ère édition, nba, super rare,
        attaquant, défenseur, adrenalyn, deck, carte trainer, full art, cartes dragon ball, duel masters, topps, sticker,
        upper deck, promo, milieu de terrain, euro ####, équipe de france, pochette de cartes, ligue 1, team rocket, n°
        ###, créature, gx, collectionner""",
    "1180": """warhammer, figurine, jeu de rôle, heroclix, donjons et dragons, age of sigmar, codex, armée, livre de
        règles, #####k, wargame, supplément, space marines, masque, figurine peinte, plomb, guerriers, campagne,
        miniatures, halloween, scénario, elfes, orques, decor de jeu, déguisement, dungeons, games workshop, régiment,
        chevalier, vampires, unité, peinture citadel, aide de jeu, socles, empire, tyranides, écran du maître, battletome,
        légion, dés de jeu, seigneur, cavalerie, latex, infanterie, runes, perruque, cthulhu, confrontation, pathfinder,
        costume, terrain, skaven""",
    "1280": """jouet, peluche, puzzle, poupée, enfant, lego, jeu éducatif, playmobil, voiture, doudou, pièces, bois,
        figurine, barbie, jouet en bois, squishy, pour enfants, anti-stress, véhicule, robot, train électrique, ours,
        dinette, construction, dinosaure, cadeau d'anniversaire, loisirs créatifs, perles, camion, déguisement, licorne,
        magnétique, briques, hot wheels, dés #### pièces, bébé, cube, animal, ballon, pâte à modeler, marionnette,
        château, princesse, cuisine enfant, slime, disney, peppa, garage, billes, maison de poupée, jouet d'éveil,
        circuit, minnie, ferme, pistolet""",
    "1281": """jeu de société, jeu de cartes, jeu de plateau, extension, dés, jeu, stratégie, échecs, cartes, puzzle,
        joueurs, poker, jeu en bois, pions, quiz, tarot, dominos, monopoly, memory, plateau, casse-tête, jeu familial,
        trivial, mah jong, jetons, slime, version française, trivial pursuit, loto, scrabble, jeu d'ambiance, jeu
        éducatif, magie, go, échiquier, cluedo, uno, tapis de jeu, dames, enquête, 2 à # joueurs, backgammon, jeu
        coopératif, anniversaire, mikado, sablier, jeu d'adresse, règle du jeu, bluff, 52 cartes, coffret""",
    "1300": """drone, voiture miniature, 1/43, rc, télécommandé, maquette, hélice, batterie lipo, dji mavic, quadcopter,
        camion, moteur, 1/18, avion, miniature, pièces de rechange, hélicoptère, train, caméra, locomotive, modèle réduit,
        brushless, 1/72, servo, ferrari, phantom, wltoys, radiocommande, norev, renault, mah, échelle, ho, châssis, wagon,
        chargeur, 4x4, amortisseur, tamiya, bateau, porsche, hélices, peugeot, pneus, minichamps, majorette, ixo, gimbal,
        citroën, essieu, hubsan, 2.4 ghz, formule 1, char, revell, kyosho, traxxas, tracteur, vis, diorama""",
    "1301": """chaussettes, bébé, billard, fléchettes, baby-foot, chaussettes antidérapantes, nouveau-né, queue de
        billard, coton, balles, table de billard, ailettes, billes, chaussons, baby foot, craie, snooker, cible,
        nourrisson, tige, hautes, chaussette, ping-pong, raquette, fille, procédés, boules, flipper, tout-petit, joueur,
        harrows, étui pour queue, pointe, dentelle, chaussures, air hockey, pétanque, genou, jeu d'arcade, tapis, jukebox,
        collants, barre, antidérapant, poignée""",
    "1302": """trampoline, pêche, jeu de plein air, balançoire, leurre, toboggan, ballon, piscine à balles, vélo,
        trottinette, nerf, pistolet à eau, tricycle, cerf-volant, enfant, lampe torche, cabane, jeu d'extérieur, tente,
        raquettes, plage, porteur, filet, draisienne, hameçon, camping, appâts, portique, skate, corde, golf, vélo enfant,
        sport, quad, appât artificiel, moulinet, bac à sable, tracteur à pédales, patins, gonflable, jouet, canne à pêche,
        frisbee, boules de pétanque, fitness, structure, aire de jeux, bulles de savon, bracelet, arc, voiture électrique""",
    "1320": """bébé, poussette, biberon, lit bébé, couches, siège auto, doudou, barrière de sécurité, matelas à langer,
        tétine, chicco, naissance, chaise haute, hochet, gigoteuse, sac à langer, bavoir, anneau de dentition, mobile
        musical, babyphone, parc, enfant, tour de lit, porte-bébé, veilleuse, baignoire, berceau, sucette, cape de bain,
        coussin d'allaitement, transat, mois, thermomètre, stérilisateur, pot, maternité, trotteur, tapis d'éveil,
        nacelle, turbulette, coton bio, housse de poussette, chauffe-biberon, maxi-cosi, couverture, évolutif, tire-lait,
        lange, ombrelle, sortie de bain""",
    "1560": """table, chaise, matelas, canapé, meuble, rangement, table basse, armoire, bureau, fauteuil, lit, étagère,
        tabouret, tiroirs, bois massif, buffet, commode, meuble tv, boîte de rangement, bibliothèque, sommier, tête de
        lit, chêne, métal, cuir, chevet, pin, convertible, simili cuir, bar, dossier, porte-manteau, canapé d'angle, salle
        à manger, pieds, mousse, console, scandinave, vidaxl, assise, organisateur, cuisine, placard, miroir, étagère
        murale, banc, hauteur réglable, mémoire de forme, latex, panneau mdf, coffre, table à manger, penderie, sac de
        rangement, ensouplé""",
    "1920": """housse de coussin, coussin, taie d'oreiller, rideau, couette, parure de lit, drap, oreiller, canapé, nappe,
        serviette, plaid, linge de lit, couverture, coton, lit, serviettes de bain, taie, housse de couette, rideaux,
        décoration, polyester, drap housse, lin, rideau de douche, voilage, 45 x 45 cm, tapis de bain, imprimé, peignoir,
        maison, velours, oeillets, torchon, jeté, protège matelas, satin, percale, couvre-lit, microfibre, motif,
        traversin, gant de toilette, set de table, broderie, lavable, flanelle, occultant, édredon, franges""",
    "1940": """sachet, capsules, bio, thé, café, chocolat, bonbons, g, kg, huile d'olive, épices, biscuits, sirop, sucre,
        confiture, dosettes, arôme, boîte, lot de # paquets, sauce, pâtes, miel, riz, poudre, vert, noir, conserve,
        gâteau, saveur, farine, gourmand, boisson, lavazza, vinaigre, nouilles, tassimo, moutarde, sans gluten, infusion,
        sucettes, foie gras, caramel, thon, graines, noisette, vanille, tisane, poivre, sel, haribo, fruits secs, légumes,
        barquette, quinoa, bouteille, céréales""",
    "2060": """décoration, guirlande, lampe, sticker mural, led, noël, tapis, vase, horloge, miroir, mur, fleurs
        artificielles, bougie, lumière, tableau, cadre, sapin de noël, suspension, luminaire, statue, décor, maison,
        boule, pendule, autocollant, mariage, ornement, halloween, lampadaire, photophore, étoile, toile, rideau lumineux,
        bouddha, bouquet, plafonnier, applique, horloge murale, solaire, abat-jour, fête, papier peint, suspendu, ampoule,
        bougeoir, figurine, céramique, lanterne, pendentif, lustre, paillasson, ballons""",
    "2220": """chien, chat, collier, animaux, laisse, chiot, animaux de compagnie, aquarium, litière, gamelle, harnais,
        niche, jouet pour chien, manteau, croquettes, griffoir, arbre à chat, panier, lapin, oiseau, pet, cage, vêtements,
        transport, brosse, poissons, distributeur, fontaine, muselière, chatière, os, pull, hamster, coussin, mangeoire,
        toilettage, chaton, cheval, antiparasitaire, filtre, reptile, perroquet, tondeuse, dents, dressage, souris,
        équitation, terrarium, médaille""",
    "2280": """n° ###, du 0#/0#/19##, magazine, revue, journal, l'illustration, n° ##, paris match, hebdomadaire, numéro
        spécial, du 1#/0#/200#, le monde, mensuel, science et vie, hors série, janvier 19##, gazette, journal de, numéro,
        les arts, france, télé, presse, cinéma, politique, auto, mars 19##, histoire, mode, le petit, décembre 19##,
        sommaire, la vie, guerre, sport, poster, couverture, rock, bulletin, actualité, supplément, annales, sciences,
        nouvelle, moto, république, ancien, juin 19##, figaro, théâtre, reportage, octobre 19##, la revue, petit journal,
        élections, entretien avec""",
    "2403": """lot de # livres, tome, tomes # à #, bd, manga, lot, collection, livres, volumes, revues, lot de mangas,
        intégrale, magazine, n°# à ##, partitions, lot de # bd, série complète, édition originale, bon état, lot de
        livres, comics, tome # et #, bande dessinée, bibliothèque rose, dupuis, dargaud, album, coffret, tintin, glénat,
        calendrier, cartes postales, spirou, astérix, delcourt, romans, mickey, magazines, numéros, guide, encyclopédie,
        picsou, kana, vol, histoires, timbres, france loisirs, lucky luke, marvel, harlequin, pléiade, eo, catalogue""",
    "2462": """lot, jeux, ps2, jeu ps3, console, lot de # jeux, wii, xbox 360, avec jeux, nintendo ds, manettes, jeu, ps1,
        super nintendo, jeu vidéo, game boy, megadrive, complet, skylanders, playstation, sega, disney infinity, amiibo,
        nintendo 64, pc, + # jeux, lot jeux, gamecube, fifa ##, notice, boîte, ps4, bon état, occasion, mario,
        accessoires, vends, collection, en loose, cartouche, assassin's creed, call of duty, wii fit, voir photos,
        pokémon, guitar hero, atari, sans boîte, wii u, zelda, fonctionne""",
    "2522": """stylo, cahier, papier, carnet, bloc-notes, classeur, enveloppes, agenda, feuilles, carnet de notes, crayon,
        a4, trousse, encre, marqueur, recharges, étiquettes, stylo bille, timbres, journal intime, pochette, feutres,
        plume, album photo, gomme, règle, spirale, adhésif, calendrier, pages, post-it, correcteur, tampon, chemise,
        surligneur, roller, pilot, bureau, lindner, cartonné, ligné, tableau blanc, papeterie, perforatrice, ciseaux,
        pinceau, leuchtturm, intercalaires, scrapbooking, fournitures, stabilo, répertoire, aquarelle, calculatrice""",
    "2582": """jardin, table de jardin, parasol, tente, salon de jardin, bâche, chaise longue, tonnelle, résine tressée,
        balancelle, hamac, bain de soleil, cuisine, abri, store, pergola, aluminium, serre, barbecue, banc, moule,
        coussin, fauteuil de jardin, clôture, gazon artificiel, assiettes, verres, brise-vue, silicone, terrasse, chemin
        de table, pot de fleurs, couverts, pavillon, transat, bois d'acacia, store banne, housse de protection, plateau,
        textilène, imperméable, anti-uv, inox, plein air, tasse, gris anthracite, rotin synthétique, pliante, paroi
        latérale, voile d'ombrage, carport, cuillère""",
    "2583": """piscine, pompe, filtre, bâche, spa, piscine gonflable, échelle, robot, liner, chlore, filtration, skimmer,
        intex, bestway, ph, hors sol, eau, traitement, tuyau, pompe à chaleur, piscine tubulaire, raccord, cartouche,
        bâche à bulles, pvc, aspirateur, m3/h, épuisette, alarme, sable, projecteur, enrouleur, brosse, vanne,
        électrolyseur, piscine bois, balai, couverture, buse, zodiac, anti-algues, sauna, thermomètre, brome, octogonale,
        galets, margelle, joint, débit, hayward, flexible, ovale, zwembad, ronde, bayrol, ø ##""",
    "2585": """tuyau, perceuse, arrosage, tondeuse, outil, pompe, lame, aspirateur, clé, marteau, sécateur, scie, raccord,
        coupe-bordure, tronçonneuse, vis, foret, outils, nettoyeur haute pression, jardin, acier, manche, embout, filtre,
        meuleuse, goutteur, sac aspirateur, bêche, débroussailleuse, pulvérisateur, pince, gants, brouette, pelle,
        échelle, motoculteur, bosch, graines, taille-haie, courroie, chaîne, robinet, niveau, tournevis, bougie, établi,
        soc, carburateur, adaptable, râteau, engrais, lanceur, karcher, roulement""",
    "2705": """roman, livre, édition, histoire de, poche, broché, guide, l'art de, le secret, parution 20##, collection,
        tome #, essai, biographie, auteur, philosophie, la vie de, cuisine, recettes, dictionnaire, les enfants, enquête,
        petit guide, manuel, lecteur, récit, paris, jeunesse, héros, traduction, éditeur, pages, destin, spiritualité,
        santé, méthode, droit, pédagogie, médecine, théorie, préface, bac, amour, ouvrage, littérature, politique,
        religion, contes, écrivain, personnages, chapitre, best-seller, thriller, découvrir, polar""",
    "2905": """jeu en téléchargement, steam, code d'activation, connexion internet, jeu pc, compte, téléchargement,
        édition deluxe, windows 10, multijoueur, clé, extension, saison pass, dlc, mac, uplay, objets cachés, stratégie,
        joueur, aventure, simulation, pour pc, édition collector, gold edition, télécharger, jeu en anglais, campagne,
        niveaux, indépendant, origin, rpg, gestion, complet, tir, point & click, monde ouvert, processeur, carte
        graphique, go ram, directx, version numérique, définitive, mode solo, zombies, farming""",
}
"""Phrases of each class, separated by commas, the most frequent first."""
