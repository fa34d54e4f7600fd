// The texts of the legacy seal of a communication manager.
import { addTexts } from '.'
import en from './seal.en.json'
import chinese from './seal.zh-CN.json'

addTexts(chinese, en)
